# A server for `berth run --listen :8080 --workers 3 -- python3 echo.py`: its listening socket is descriptor 3.
import select, signal, socket

leaving = []
signal.signal(signal.SIGTERM, lambda *_: leaving.append(True))
listener = socket.socket(fileno=3)
listener.setblocking(False)
while not leaving:
    if not select.select([listener], [], [], 0.1)[0]:
        continue
    try:
        connection, _ = listener.accept()
    except BlockingIOError:
        continue  # another worker took it
    with connection:
        connection.setblocking(True)
        while data := connection.recv(65536):
            connection.sendall(data)
