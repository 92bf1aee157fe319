"""Cases about what grows: services, idle daemons, sources."""

import os
import signal
import time

from . import load, procs
from .daemons import Service, Superd, free_port
from .procs import BenchError


def _many_services(bench, count):
    """COUNT services on one port and as many loopback addresses: ports would not suffice."""
    port = free_port()
    handler = load.handler_path(bench, "hello_static")
    return [Service(f"s{i:05}", handler, port=port,
                    host=f"127.{1 + i // 65025}.{i // 255 % 255}.{1 + i % 255}")
            for i in range(count)]


def _idle(family, seconds):
    """Wake-ups a second and memory of processes that have nothing to do."""
    procs.settle(family)
    before = procs.wake_ups(family)
    time.sleep(seconds)  # the measurement itself: how often do they wake within this time
    found = procs.memory(family)
    found["wake_ups_per_s"] = (procs.wake_ups(family) - before) / seconds
    found["processes"] = len(family)
    return found


def _reload(daemon, services):
    """Seconds from SIGHUP to the line that says how it went."""
    if services is not None:
        daemon.configure(services)
    offset = daemon.log_size()
    began = time.monotonic()
    os.kill(daemon.pids[0], signal.SIGHUP)
    event, rest = daemon.wait_event(["reload", "reload-failed"], 60, offset)
    if event != "reload":
        raise BenchError(f"reload failed: {rest}")
    return time.monotonic() - began


def _services_once(bench, daemon, services):
    began = time.monotonic()
    daemon.start(services, descriptors=bench.descriptors, ready_seconds=60)
    found = {"start_s": time.monotonic() - began}
    found.update(_idle(daemon.family(), min(bench.options.idle, 2.0)))
    rate = load.measured(bench, daemon, "closed", services[-1].address, daemon.pids, c=32,
                         d=bench.seconds, w=bench.seconds / 10, e=6, T=bench.options.patience)
    found.update(rate=rate["rate"], failures=rate["failures"])
    if isinstance(daemon, Superd):
        found["reload_s"] = _reload(daemon, None)
        found["reload_one_less_s"] = _reload(daemon, services[:-1] or None)
    return found


def services(bench):
    """1 to 10,000 configured services: start, reload, memory, idle wake-ups, launch rate."""
    records = []
    for count in bench.options.services:
        many = [daemon for daemon in bench.daemons() if daemon.serves == "many"]
        for number, daemon in bench.rounds(many, f"services {count}", bench.short_rounds,
                                           bench.peer_rounds):
            try:
                found = _services_once(bench, daemon, _many_services(bench, count))
            except BenchError as error:
                found = {"error": str(error)}
            finally:
                daemon.stop()
            records.append(dict(found, daemon=daemon.name, round=number, services=count))
    return records


def idle(bench):
    """Ten services after some connections, then nothing to do: memory and wake-ups."""
    records = []
    handler = load.handler_path(bench, "hello_static")
    ten = [Service(f"idle{i}", handler) for i in range(10)]
    for daemon in bench.daemons():
        bench.say(f"idle: {daemon.name}")
        try:
            daemon.start(ten)
            for service in ten:
                load.run(bench, "closed", service.address, n=20, c=4, e=6, T=bench.options.patience)
            found = _idle(daemon.family(), bench.options.idle)
        except BenchError as error:
            found = {"error": str(error)}
        finally:
            daemon.stop()
        records.append(dict(found, daemon=daemon.name, round=0))
    return records


def sources(bench):
    """What one more source that was seen costs in memory."""
    records = []
    services_ = [Service("hello", load.handler_path(bench, "hello_static"))]
    for count in bench.options.sources:
        for daemon in bench.daemons():
            if not isinstance(daemon, Superd):
                continue
            bench.say(f"sources {count}: {daemon.name}")
            try:
                daemon.start(services_)
                family = daemon.family()
                load.run(bench, "closed", daemon.address("hello"), n=500, c=32, e=6)
                before = procs.memory(family)
                report = load.run(bench, "closed", daemon.address("hello"), n=count, c=32, e=6,
                                  s=count, S="127.64.0.1")
                after = procs.memory(family)
            finally:
                daemon.stop()
            records.append({
                "daemon": daemon.name, "round": 0, "sources": count,
                "failures": load.failures(report),
                "private_before_kb": before["private"], "private_after_kb": after["private"],
                "bytes_per_source": (after["private"] - before["private"]) * 1024 / count,
            })
    return records
