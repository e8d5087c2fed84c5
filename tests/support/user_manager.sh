#!/bin/bash
# A real `systemd --user` for a user, with journald, in mount, pid and network namespaces of its own, so that it needs no
# system that was booted by systemd and disturbs none. All of it dies with this process. Needs root.
#
# usage: user_manager.sh USER LOGS READABLE...   (READABLE: folders that the user must be able to enter)
# It says when it is ready. Then each line of its input is a login, and the end of its input the end of all.
set -euo pipefail
name=$1 logs=$2; shift 2
uid=$(id -u "$name") gid=$(id -g "$name")
cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[[ -n $cgroups ]] || { echo "no cgroup2 is mounted" >&2; exit 1; }

ip link set lo up

# 1. What tells programs that the system was booted by systemd, in this namespace alone.
mkdir -p /run/systemd /run/log /var/log/journal "/run/user/$uid"
mount -t tmpfs -o mode=755 tmpfs /run/systemd
mkdir -p /run/systemd/system /run/systemd/journal /run/systemd/unit-root
touch /run/systemd/journal/flushed
mount -t tmpfs -o mode=755 tmpfs /run/log
mkdir -p /run/log/journal
mount -t tmpfs -o mode=755 tmpfs /var/log/journal
mount -t tmpfs -o "uid=$uid,gid=$gid,mode=0700" tmpfs "/run/user/$uid"

# 2. The folders that the user must be able to enter. Where one around them is closed to others, that one is empty here
# but for them.
wanted=() closed=()
for folder; do
  around=$folder outermost=
  while around=$(dirname "$around") && [[ $around != / ]]; do
    (($(stat -c '0%a' "$around") & 1)) || outermost=$around
  done
  [[ -n $outermost ]] || continue
  mkdir -p "/run/systemd/kept/${#wanted[@]}"
  mount --bind "$folder" "/run/systemd/kept/${#wanted[@]}"
  wanted+=("$folder") closed+=("$outermost")
done
while read -r outermost; do
  [[ -z $outermost ]] || mount -t tmpfs -o mode=755 tmpfs "$outermost"
done < <(printf '%s\n' "${closed[@]}" | sort -u)
for number in "${!wanted[@]}"; do
  mkdir -p "${wanted[number]}"
  mount --bind "/run/systemd/kept/$number" "${wanted[number]}"
done

# 3. A cgroup that is the user's.
cgroup=$cgroups/user.slice/user-$uid.slice/user@$uid.service
mkdir -p "$cgroup" "$cgroups/system.slice/systemd-journald.service"
chown "$uid:$gid" "$cgroup" "$cgroup"/cgroup.{procs,threads,subtree_control}

# 4. journald.
[[ -s /etc/machine-id ]] || systemd-machine-id-setup >/dev/null
mkdir -p "/var/log/journal/$(cat /etc/machine-id)"
(
  echo "$BASHPID" >"$cgroups/system.slice/systemd-journald.service/cgroup.procs"
  exec /lib/systemd/systemd-journald
) >"$logs/journald.log" 2>&1 </dev/null &
for _ in {1..500}; do
  [[ -S /run/systemd/journal/stdout ]] && break
  sleep 0.02
done

# 5. A user manager for each line of input: a login.
echo ready
while read -r _; do
  (
    echo "$BASHPID" >"$cgroup/cgroup.procs"
    exec setpriv --reuid="$uid" --regid="$gid" --init-groups env -i HOME="$(getent passwd "$name" | cut -d: -f6)" \
      USER="$name" LOGNAME="$name" SHELL=/bin/bash LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin \
      XDG_RUNTIME_DIR="/run/user/$uid" DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$uid/bus" \
      SYSTEMD_LOG_TARGET=journal /lib/systemd/systemd --user
  ) >>"$logs/manager.log" 2>&1 </dev/null &
done
