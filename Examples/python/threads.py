# A thread for each connection, for `berth run --listen :8080 --ready line -- python3 threads.py`. At SIGTERM it accepts
# nothing more, and ends when its connections have ended: replaced by `berth reload`, it loses none.
import os, select, signal, socket, threading

leaving = []
signal.signal(signal.SIGTERM, lambda *_: leaving.append(True))
listener = socket.socket(fileno=3)
listener.setblocking(False)


def serve(connection):
    with connection:
        connection.setblocking(True)
        while data := connection.recv(65536):
            connection.sendall(data)


os.write(int(os.environ["READY_FD"]), b"\n")
while not leaving:
    if not select.select([listener], [], [], 0.05)[0]:
        continue
    try:
        threading.Thread(target=serve, args=(listener.accept()[0],)).start()
    except BlockingIOError:
        pass  # another worker took it
