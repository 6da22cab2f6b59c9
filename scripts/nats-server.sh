#!/usr/bin/env bash
# Prints the path of a nats-server for `npm run test:cluster`: one that is here, or Debian unstable's package, unpacked in the
# directory that is given (stable's is too old). Nothing is installed, and the machine's own package lists stay as they are.
set -euo pipefail
dir=$1

fits() {
  local version
  version=$("$1" --version | sed -n 's/.*v\([0-9]*\)\.\([0-9]*\)\..*/\1 \2/p')
  [ -n "$version" ] && [ "$(printf '%d%03d' $version)" -ge 2012 ]
}

for path in "${SLM_MESH_NATS_SERVER:-}" "$(command -v nats-server || true)" /usr/sbin/nats-server "$dir/root/usr/sbin/nats-server"; do
  if [ -x "$path" ] && fits "$path"; then
    echo "$path"
    exit
  fi
done

echo "nats-server is fetched into $dir (Debian unstable's package)." >&2
mkdir -p "$dir/lists" "$dir/cache"
# From where this machine has its own packages.
mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian //p' | head -n 1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror unstable main" >"$dir/sources.list"
apt=(apt-get -q -o "Dir::Etc::SourceList=$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
  -o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir/cache" -o Acquire::Languages=none -o "APT::Sandbox::User=$(id -un)")
"${apt[@]}" update >&2
(cd "$dir" && "${apt[@]}" download nats-server >&2)
dpkg -x "$dir"/nats-server_*.deb "$dir/root"
fits "$dir/root/usr/sbin/nats-server"
echo "$dir/root/usr/sbin/nats-server"
