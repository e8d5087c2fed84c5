#!/usr/bin/env bash
# Runs a command in a Debian 11 of its own, with this folder, so that what it builds needs no newer glibc (2.31) than that
# has. Debian 11 has Python 3.9 alone, and its OpenSSL is no longer looked after: both are built there, once, from the
# sources of Debian 13, whose signatures apt checks. Needs root, debootstrap, and some ten minutes the first time.
#
# usage: packaging/debian11.sh COMMAND...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
(($#)) || { sed -n '2,7s/^# \?//p' "$0"; exit 1; }
((EUID == 0)) || { echo "$0: only root can make a Debian 11; try: sudo $0 $*" >&2; exit 1; }

here=$PWD
# The clone that a worktree belongs to is not there.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -c "safe.directory=$here" log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
scratch=$here/.scratch
root=$scratch/debian-11
sources=(openssl python3.13)
packages=(binutils ca-certificates dpkg-dev fakeroot file gcc git libbz2-dev libc6-dev libffi-dev liblzma-dev libsqlite3-dev
  libsystemd-dev make man-db patch perl pkg-config xz-utils zlib1g-dev)

# A mount namespace takes all mounts with it when it ends.
inside() { # words of a command in the root
  unshare --mount --propagation private bash -euc '
    root=$1 here=$2; shift 2
    mkdir -p "$root$here"
    mount --bind "$here" "$root$here"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    # Also those that this machine alone trusts.
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    given=()
    for name in SOURCE_DATE_EPOCH RELEASE_URL DEBFULLNAME DEBEMAIL; do
      [[ -z ${!name:-} ]] || given+=("$name=${!name}")
    done
    exec chroot "$root" env -i HOME=/root LANG=C.UTF-8 PATH=/opt/python/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_ROOT_USER_ACTION=ignore "${given[@]}" "$@"
  ' bash "$root" "$here" "$@"
}

mirror() { # where debootstrap got it from
  sed -n 's/^deb \([^ ]*\) bullseye .*/\1/p' "$root/etc/apt/sources.list"
}

# ---- the system ----

if [[ ! -e $root/.system ]]; then
  rm -rf "$root"
  mkdir -p "$scratch"
  (IFS=,; debootstrap --variant=minbase --include="${packages[*]}" bullseye "$root")
  echo "deb $(mirror)-security bullseye-security main" >"$root/etc/apt/sources.list.d/security.list"
  inside apt-get update -q
  inside env DEBIAN_FRONTEND=noninteractive apt-get upgrade -q -y
  inside apt-get clean
  touch "$root/.system"
fi

# ---- the sources ----

if [[ ! -e $root/.sources ]]; then
  apt=$scratch/debian-13-sources
  rm -rf "$apt" "$root/usr/src"
  mkdir -p "$apt/lists/partial" "$root/usr/src"
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  for suite in "$(mirror) trixie" "$(mirror) trixie-updates" "$(mirror)-security trixie-security"; do
    echo "deb-src [signed-by=$keys] $suite main"
  done >"$apt/sources.list"
  options=(-q -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update
  # The newest that is there: a mirror's index may be ahead of its files.
  for name in "${sources[@]}"; do
    versions=$(apt-cache "${options[@]}" showsrc --only-source "$name" | sed -n 's/^Version: //p' | sort -Vru)
    for version in $versions; do
      (cd "$root/usr/src" && apt-get "${options[@]}" source --download-only "$name=$version") && continue 2
    done
    echo "$0: no source of $name" >&2
    exit 1
  done
  rm -rf "$apt"
  touch "$root/.sources"
fi

# ---- OpenSSL and Python ----

if [[ ! -e $root/.python ]]; then
  inside bash -eu -o pipefail -s <<'INSIDE'
cd /usr/src
export MAKEFLAGS="--jobs=$(nproc)" SOURCE_DATE_EPOCH=0 PYTHONHASHSEED=0
dpkg-source --extract openssl_*.dsc openssl
tar -xf python3.13_*.orig.tar.xz && mv Python-3.13.* python
tar -xf python3.13_*.debian.tar.xz # to be beside it: of Debian's changes only those that mend what is wrong (.patch) are wanted

cd openssl
./config --prefix=/opt/python --openssldir=/usr/lib/ssl --libdir=lib shared no-tests no-docs no-legacy no-module \
  no-engine no-dtls no-comp >/dev/null
make >/dev/null
make install_sw >/dev/null
install -D -m 644 LICENSE.txt -t /opt/python/share/licenses/openssl

cd ../python
for patch in $(grep '\.patch$' ../debian/patches/series || true); do
  patch --quiet --strip=1 --forward <"../debian/patches/$patch"
done
# -fno-semantic-interposition: libpython's own calls don't go through its table of symbols.
./configure --prefix=/opt/python --enable-shared --with-openssl=/opt/python --with-openssl-rpath=no \
  --without-doc-strings --disable-test-modules --enable-optimizations --with-lto \
  --with-ensurepip=install \
  CFLAGS='-O2 -fno-semantic-interposition' LDFLAGS='-fno-semantic-interposition -Wl,-rpath,/opt/python/lib' >/dev/null
make >/dev/null
make install >/dev/null
cd .. && rm -rf openssl python debian
sed -n 's/^Version: //p; s/^Source: //p' openssl_*.dsc python3.13_*.dsc | paste -d' ' - - >/opt/python/share/sources
/opt/python/bin/python3 -c 'import bz2, ctypes, lzma, sqlite3, ssl, zlib; print(ssl.OPENSSL_VERSION)'
INSIDE
  touch "$root/.python"
fi

inside sh -c 'cd "$0" && exec "$@"' "$here" "$@"
