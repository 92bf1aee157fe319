"""The daemons that are compared: superd (and variants), the bare loop, and the peers.

All are used alike: start(services), address(service), family(), stop().  Daemons that serve one
port run once for each service.
"""

import os
import random
import re
import shutil
import socket
import subprocess
import time

from . import procs
from .procs import BenchError


class Service:
    """One service: a name, the handler's path, and (for superd alone) further settings."""

    def __init__(self, name, handler, settings="", host="127.0.0.1", port=None):
        self.name = name
        self.handler = handler
        self.settings = settings
        self.host = host
        self.port = port or free_port()

    @property
    def address(self):
        return f"{self.host}:{self.port}"


def free_port():
    """A port that nothing is bound to, outside the range from which the kernel serves clients."""
    low, high = (int(word) for word in procs.read("/proc/sys/net/ipv4/ip_local_port_range").split())
    choices = [port for port in range(10000, 65000) if not low <= port <= high]
    for port in random.sample(choices or list(range(10000, 65000)), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port
    raise BenchError("no free port found")


def accepts(host, port):
    """Does a connection succeed? It is closed at once."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        try:
            probe.connect((host, port))
        except OSError:
            return False
        return True


class Daemon:
    """One or more processes that serve what start() was given."""

    serves = "one"
    note = ""

    def __init__(self, bench, name):
        self.bench = bench
        self.name = name
        self.pids = []
        self.services = {}
        self.directory = os.path.join(bench.work, name)

    def start(self, services, descriptors=1024, ready_seconds=20.0):
        """Start and wait until every service accepts."""
        self.services = {service.name: service for service in services}
        groups = [services] if self.serves == "many" else [[service] for service in services]
        for number, group in enumerate(groups):
            directory = os.path.join(self.directory, str(number))
            shutil.rmtree(directory, ignore_errors=True)
            os.makedirs(directory)
            self.pids.append(self.launch(directory, group, descriptors))
        # A daemon opens its listeners in order, so the last one tells; single ones are all asked.
        asked = services[-1:] if self.serves == "many" else services
        for service in asked:
            procs.wait_for(lambda host=service.host, port=service.port: self.check(host, port),
                           ready_seconds, f"{self.name} to accept on {service.address}", 0.002)

    def check(self, host, port):
        """Is the service there? BenchError when the daemon has ended instead."""
        for pid in self.pids:
            if not procs.alive(pid):
                raise BenchError(f"{self.name} ended: {self.complaint()}")
        return accepts(host, port)

    def complaint(self):
        """The last that it said."""
        try:
            lines = procs.read(os.path.join(self.directory, "0", "log")).splitlines()
        except OSError:
            lines = []
        return lines[-1] if lines else "it said nothing"

    def launch(self, directory, group, descriptors):
        raise NotImplementedError

    def address(self, name):
        return self.services[name].address

    def family(self):
        """Pids of the daemon's own processes; ask when it is idle. A child that has not come to
        its exec yet looks like one of them, so it is asked until two answers agree."""
        before = []
        for _ in range(40):
            found = [member for pid in self.pids for member in procs.family(pid)]
            if found == before:
                break
            before = found
            time.sleep(0.05)
        return found

    def stop(self):
        for pid in self.pids:
            procs.stop(pid)
        self.pids = []
        procs.stop_orphans()


class Bare(Daemon):
    """The bare loop: bareN is N processes; a suffix tells what else it does."""

    def __init__(self, bench, name, options=(), note=""):
        super().__init__(bench, name)
        self.options = list(options)
        self.note = note

    def launch(self, directory, group, descriptors):
        service = group[0]
        argv = [self.bench.tool("bare"), *self.options, str(service.port)]
        if "-m" not in self.options:
            argv.append(service.handler)
        return procs.start(argv, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL).pid


class Adapted(Daemon):
    """A daemon that an adapter in peers/ starts."""

    def __init__(self, bench, name, adapter=None, environment=None):
        super().__init__(bench, name)
        self.adapter = adapter or name
        self.environment = dict(os.environ, BENCH_CACHE=bench.cache,
                                BENCH_SUPERD=bench.superd, **(environment or {}))
        self.serves = self.ask("serves")
        self.note = self.ask("note")

    def ask(self, what, *arguments):
        """What the adapter says; BenchError with its reason when it fails."""
        answer = subprocess.run([self.bench.adapter, self.adapter, what, *arguments],
                                env=self.environment, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise BenchError(answer.stderr.strip() or f"{what} failed")
        return " ".join(answer.stdout.split())

    def write_services(self, directory, group):
        with open(os.path.join(directory, "services"), "w", encoding="ascii") as file:
            for service in group:
                file.write(f"{service.name} {service.host} {service.port} {service.handler}"
                           f" {service.settings}\n")

    def launch(self, directory, group, descriptors):
        self.write_services(directory, group)
        log = subprocess.DEVNULL
        with open(os.path.join(directory, "log"), "wb") as file:
            process = procs.start(
                [self.bench.adapter, self.adapter, "start", directory],
                env=dict(self.environment, BENCH_DESCRIPTORS=str(descriptors)), cwd=directory,
                stdout=log, stderr=file if self.adapter == "superd" else log)
        if self.ask("leaves") != "yes":
            return process.pid
        return self.follow(process, os.path.join(directory, "pid"))

    def follow(self, process, pid_file):
        """The pid of a daemon that does not stay in the foreground: it becomes our child."""

        def look():
            try:
                return int(procs.read(pid_file))
            except (OSError, ValueError):
                return None

        pid = procs.wait_for(look, 10, f"{self.name} to write its pid")
        procs.wait_for(lambda: pid in procs.own_children(), 10, f"{self.name} to detach itself")
        process.wait()
        procs.forget(process)
        procs.adopt(pid)
        return pid


class Superd(Adapted):
    """superd itself: it says in its log when it is ready and when it has reloaded."""

    EVENT = re.compile(r"^\S+ (?:error|warning|info|debug) (\S+)(.*)$", re.MULTILINE)

    def __init__(self, bench, name, defaults=""):
        super().__init__(bench, name, "superd", {"BENCH_SUPERD_DEFAULTS": defaults})
        self.ask("available")
        if defaults:
            self.note = f"with {defaults}"

    def log_path(self):
        return os.path.join(self.directory, "0", "log")

    def log_size(self):
        return os.path.getsize(self.log_path())

    def wait_event(self, names, seconds, offset=0):
        """Wait for one of these events in the log from OFFSET on; its name and fields."""

        def look():
            if not procs.alive(self.pids[0]):
                raise BenchError(f"{self.name} ended: {self.complaint()}")
            with open(self.log_path(), encoding="utf-8", errors="replace") as file:
                file.seek(offset)
                for match in self.EVENT.finditer(file.read()):
                    if match[1] in names:
                        return match[1], match[2].strip()
            return None

        return procs.wait_for(look, seconds, f"event {' or '.join(names)} of {self.name}", 0.0005)

    def start(self, services, descriptors=1024, ready_seconds=20.0):
        super().start(services, descriptors, ready_seconds)
        self.wait_event(["ready"], ready_seconds)

    def configure(self, services):
        """Write the configuration for other services, to be reloaded."""
        directory = os.path.join(self.directory, "0")
        self.write_services(directory, services)
        self.ask("configure", directory)
