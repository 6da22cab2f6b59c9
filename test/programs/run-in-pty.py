"""Runs a command in a pseudo-terminal of its own.

Usage: run-in-pty.py COLUMNSxROWS command [argument...]

What the command writes comes out on standard output as it is. Standard input takes one JSON request a line:
{"type": "keys"}, {"resize": [columns, rows]}, {"signal": number}, {"hangup": true} (the terminal goes away).
Standard error says, one JSON object a line: {"pid"} at the beginning, {"modes"} after each request, and {"exit", "modes"}
at the end. Modes are those of the terminal: whether it echoes, and whether it hands over whole lines.
"""

import fcntl, json, os, select, signal, struct, sys, termios


def size(fd, columns, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def modes(fd):
    local = termios.tcgetattr(fd)[3]
    return {"echo": bool(local & termios.ECHO), "lines": bool(local & termios.ICANON)}


def say(**what):
    os.write(2, (json.dumps(what) + "\n").encode())


columns, rows = map(int, sys.argv[1].split("x"))
master, slave = os.openpty()
size(slave, columns, rows)
pid = os.fork()
if pid == 0:
    os.close(master)
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.execvp(sys.argv[2], sys.argv[2:])
say(pid=pid)

# Our own end of the terminal stays open, so that its modes can be asked for when the command has ended.
requests = b""
inputs = [0, master]
left = None
while left is None:
    ready, _, _ = select.select(inputs, [], [], 0.02)
    if master in ready:
        os.write(1, os.read(master, 65536))
        continue
    if 0 in ready:
        chunk = os.read(0, 65536)
        if chunk == b"":
            os.kill(pid, signal.SIGKILL)
            inputs.remove(0)
        requests += chunk
        while b"\n" in requests:
            line, requests = requests.split(b"\n", 1)
            request = json.loads(line)
            if "type" in request:
                os.write(master, request["type"].encode())
            if "resize" in request:
                size(master, *request["resize"])
            if "signal" in request:
                os.kill(pid, request["signal"])
            if "hangup" in request:
                inputs.remove(master)
                os.close(slave)
                os.close(master)
                slave = None
            else:
                say(modes=modes(slave))
    if not ready:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            left = os.waitstatus_to_exitcode(status)
say(exit=left, modes=slave and modes(slave))
