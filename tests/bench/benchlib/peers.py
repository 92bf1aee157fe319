"""Having the peers: the installed ones, or their packages unpacked in a cache, never installed."""

import os
import shutil
import subprocess
import tempfile

from .daemons import Adapted
from .procs import BenchError


def _unpack(bench, name, packages):
    """Download packages and unpack them side by side as the tree of one peer."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise BenchError("not a Debian system: install it by hand")
    os.makedirs(bench.cache, exist_ok=True)
    bench.say(f"{name}: unpacking {packages} into {bench.cache}")
    with tempfile.TemporaryDirectory(dir=bench.cache) as directory:
        got = subprocess.run(["apt-get", "download", *packages.split()], cwd=directory,
                             capture_output=True, text=True, check=False, timeout=300)
        if got.returncode != 0:
            raise BenchError(f"apt-get download: {got.stderr.strip().splitlines()[-1]}")
        tree = os.path.join(directory, "tree")
        for file in sorted(os.listdir(directory)):
            if file.endswith(".deb"):
                subprocess.run(["dpkg-deb", "-x", os.path.join(directory, file), tree], check=True)
        target = os.path.join(bench.cache, name)
        shutil.rmtree(target, ignore_errors=True)
        os.rename(tree, target)


def find(bench, name):
    """The peer, fetched when that is needed and allowed; BenchError when it cannot be had."""
    peer = Adapted(bench, name)
    try:
        peer.ask("available")
    except BenchError:
        packages = peer.ask("packages")
        unpacked = os.path.isdir(os.path.join(bench.cache, name))
        if not bench.options.fetch or unpacked or not packages:
            raise
        _unpack(bench, name, packages)
        peer.ask("available")
    return peer
