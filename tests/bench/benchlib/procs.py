"""Processes: started, looked at through /proc, and stopped by pid, whatever happens.

Everything that the benchmark starts is started here.  The benchmark is the reaper of all its
descendants, so what a daemon leaves behind when it ends is found and stopped as well.
"""

import ctypes
import fcntl
import os
import re
import signal
import socket
import struct
import subprocess
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
libc = ctypes.CDLL(None, use_errno=True)

_running = {}  # pid -> Popen, or None for a process that was adopted


class BenchError(Exception):
    """Something that the benchmark needs did not happen."""


def become_reaper():
    """Be the parent of every descendant whose own parent ends, and treat TERM as ^C."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def on_term(_number, _frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, on_term)


def own_network():
    """Move into a network namespace of our own, where no one else's connections are counted and
    queues can be made as long as the benchmark needs them. Returns why not, or None."""
    if libc.unshare(0x40000000) != 0:  # CLONE_NEWNET
        return os.strerror(ctypes.get_errno())
    with socket.socket() as control:
        request = struct.pack("16sH14x", b"lo", 1 | 64)  # IFF_UP | IFF_RUNNING
        fcntl.ioctl(control, 0x8914, request)  # SIOCSIFFLAGS
    for name, value in (("net/core/somaxconn", 16384), ("net/ipv4/tcp_max_syn_backlog", 16384)):
        try:
            with open(f"/proc/sys/{name}", "w", encoding="ascii") as file:
                file.write(str(value))
        except OSError:
            pass  # what is in force stands in the report
    return None


def _die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def start(argv, **options):
    """subprocess.Popen, remembered, and ended by the kernel should the benchmark be killed."""
    options.setdefault("stdin", subprocess.DEVNULL)
    process = subprocess.Popen(argv, preexec_fn=_die_with_parent, **options)
    _running[process.pid] = process
    return process


def adopt(pid):
    """Remember a daemon that left the process which was started."""
    _running[pid] = None


def forget(process):
    """The process has ended and been waited for."""
    _running.pop(process.pid, None)


def alive(pid):
    """Is there such a process, and is it more than a zombie?"""
    process = _running.get(pid)
    if process is not None and process.poll() is not None:
        return False
    try:
        return stat_fields(pid)[0] != "Z"
    except OSError:
        return False


def wait_for(condition, seconds, what, pause=0.005):
    """Wait until condition() is true; BenchError when it is not within the time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise BenchError(f"{what}: not within {seconds:g} s")
        time.sleep(pause)


def _send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def stop(pid, seconds=5.0):
    """Terminate, then kill, one process that was started here, and wait for it."""
    process = _running.pop(pid, None)
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
        _send(pid, number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if process is not None:
                if process.poll() is not None:
                    return
            else:
                try:
                    if os.waitpid(pid, os.WNOHANG)[0] == pid:
                        return
                except ChildProcessError:
                    return
            time.sleep(0.005)


def own_children():
    """Pids of our children, adopted ones included."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def stop_orphans():
    """Stop what came to us because its parent ended: all our children that we did not start."""
    for pid in own_children():
        if pid not in _running:
            stop(pid, 1.0)


def stop_all():
    """Stop everything that still runs; also on ^C and on errors."""
    for pid in list(_running):
        stop(pid)
    stop_orphans()


# -- /proc ----------------------------------------------------------------------------------------


def read(path):
    """The text of a file of /proc."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def stat_fields(pid):
    """The fields of /proc/PID/stat from the state on (proc(5) counts that as the third)."""
    return read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def executable(pid):
    """The path of the program that a process runs; empty when it cannot be told."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def all_pids():
    """Every process there is."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def family(pid):
    """A daemon's own processes: itself and its descendants that run the same program."""
    program = executable(pid)
    parents = {}
    for other in all_pids():
        try:
            parents[other] = int(stat_fields(other)[1])
        except OSError:
            continue
    found = [pid]
    for member in found:  # grows while it is walked
        for other, parent in parents.items():
            if parent == member and other not in found and executable(other) == program:
                found.append(other)
    return found


def count_running(program):
    """How many processes run the program at that path."""
    return sum(executable(pid) == program for pid in all_pids())


def _tasks(pids):
    for pid in pids:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                yield f"/proc/{pid}/task/{task}"
        except OSError:
            continue


def cpu_seconds(pids):
    """Processor time that these processes themselves (not their children) have used so far."""
    total = 0.0
    for task in _tasks(pids):
        try:
            total += int(read(f"{task}/schedstat").split()[0]) / 1e9
        except OSError:
            fields = read(f"{task}/stat").rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def wake_ups(pids):
    """Voluntary context switches so far: how often they went to sleep, so were woken."""
    total = 0
    for task in _tasks(pids):
        for line in read(f"{task}/status").splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                total += int(line.split()[1])
    return total


def settle(pids, seconds=3.0):
    """Wait until they have slept for a while, as the ends of the last connections may still be
    dealt with; not for ever, as some daemons wake all the time."""
    deadline = time.monotonic() + seconds
    before = -1
    while time.monotonic() < deadline and before != (now := wake_ups(pids)):
        before = now
        time.sleep(0.25)


def _share_memory(one, other):
    """Have the two processes one memory between them? kcmp(2)."""
    number = {"x86_64": 312, "aarch64": 272}.get(os.uname().machine)
    return number is not None and ctypes.CDLL(None).syscall(number, one, other, 1, 0, 0) == 0


def memory(pids):
    """Resident, proportional and private memory in kB, summed. Who shares all of it with another (a child
    of vfork's kind) has none of its own, though the kernel tells it for both."""
    sums = {"rss": 0, "pss": 0, "private": 0}
    counted = []
    for pid in pids:
        if any(_share_memory(pid, other) for other in counted):
            continue
        counted.append(pid)
        try:
            lines = read(f"/proc/{pid}/smaps_rollup").splitlines()
        except OSError as error:
            raise BenchError(f"process {pid} is gone: {error.strerror}") from error
        for line in lines[1:]:
            key, value = line.split()[:2]
            if key == "Rss:":
                sums["rss"] += int(value)
            elif key == "Pss:":
                sums["pss"] += int(value)
            elif key in ("Private_Clean:", "Private_Dirty:"):
                sums["private"] += int(value)
    return sums


def listen_drops(port):
    """Connections that the kernel dropped at this port's listener (its queue was full), or None
    when ss cannot tell. The counter of the whole host would also show what other listeners drop."""
    try:
        shown = subprocess.run(["ss", "-Hltnm", f"sport = :{port}"], capture_output=True, text=True,
                               check=False)
    except FileNotFoundError:
        return None
    return sum(int(count) for count in re.findall(r"skmem:\([^)]*,d(\d+)\)", shown.stdout))
