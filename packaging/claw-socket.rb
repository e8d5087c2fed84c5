class ClawSocket < Formula
  desc "Every Claude Code session of this user, live on a WebSocket"
  homepage "@HOMEPAGE@"
  version "@VERSION@"
  license "MIT"

@DOWNLOADS@

  def install
    libexec.install "claw-socket", "_internal"
    bin.install_symlink libexec/"claw-socket"
    generate_completions_from_executable(bin/"claw-socket", "completion")
    man1.install "claw-socket.1"
    doc.install "LICENSE", "THIRD-PARTY-LICENSES.txt"
  end

  def caveats
    <<~EOS
      To have it at every login, with the hooks in Claude Code's settings:
        claw-socket install
      Before you remove this formula:
        claw-socket uninstall --purge
    EOS
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/claw-socket --version")
    assert_match "it does not run", shell_output("#{bin}/claw-socket status 2>&1", 1)
  end
end
