import BerthInspect
import BerthSockets
import BerthSystem
import Testing

@testable import BerthCommand

@Suite("The table of berth watch")
struct WatchScreenTests {
    /// Three listeners, one of them overloaded and one leaking.
    static var model: WatchModel { model(heldBy: "python3") }

    static func model(heldBy name: String) -> WatchModel {
        var before = Snapshot()
        before.monotonic = 1_000_000_000
        var now = before
        now.monotonic = 2_000_000_000
        func listener(_ port: UInt16, _ queue: UInt32, _ limit: UInt32, drops: UInt32, inode: UInt32) -> InspectedSocket
        {
            var socket = InspectedSocket()
            socket.state = .listen
            socket.localLow = 0x7f00_0001
            socket.localPort = port
            socket.receiveQueue = queue
            socket.sendQueue = limit
            socket.drops = drops
            socket.inode = inode
            socket.cookie = UInt64(inode)
            return socket
        }
        before.sockets = [listener(8080, 0, 128, drops: 0, inode: 1), listener(5432, 2, 1, drops: 10, inode: 2)]
        now.sockets = [listener(8080, 0, 128, drops: 0, inode: 1), listener(5432, 2, 1, drops: 14, inode: 2)]
        for number in 0..<3 {
            var socket = InspectedSocket()
            socket.state = number < 2 ? .closeWait : .established
            socket.localLow = 0x7f00_0001
            socket.localPort = 8080
            socket.remotePort = UInt16(40_000 + number)
            socket.cookie = UInt64(100 + number)
            socket.inode = UInt32(100 + number)
            socket.lastAckReceived = 65_000
            if number < 2 { before.sockets.append(socket) }
            now.sockets.append(socket)
        }
        let record = ProcessRecord(pid: 4112, parent: 1, name: name)
        now.processes = [4112: ProcessFacts(record: record)]
        now.owners = OwnerIndex([.init(inode: 1, pid: 4112, descriptor: 3)])
        now.users = [0: "root"]
        return WatchModel(before: before, now: now)
    }

    @Test("at 80 columns")
    func narrow() {
        let lines = WatchScreen(model: Self.model, size: (80, 10)).lines
        #expect(
            lines == [
                "connections: CLOSE_WAIT 2, ESTABLISHED 1",
                "each second: accepted 0, opened 0, resets sent 0, connections reset 0,",
                "             retransmits 0, queue overflows 0", "",
                "  listener        queue  drops  new/s  estab  close-w  held by",
                "> 127.0.0.1:5432    2/1     14      0      0        0  user root",
                "  127.0.0.1:8080  0/128      0    1.0      1        2  python3 (4112)", "", "",
                "q quit  s sort: address  / filter  p pause  enter detail  ? help",
            ])
    }

    @Test("at 200 columns")
    func wide() {
        let lines = WatchScreen(model: Self.model, size: (200, 8)).lines
        #expect(
            lines[3...5] == [
                "  listener        queue  limit  drops  drops/s  new/s  estab  close-w      oldest  held by",
                "> 127.0.0.1:5432      2      1     14      4.0      0      0        0           -  user root",
                "  127.0.0.1:8080      0    128      0        0    1.0      1        2  1 min 05 s  python3 (4112)",
            ])
    }

    @Test(
        "no line is longer than the window, and there are as many as it has rows", arguments: [1, 20, 40, 80, 131, 200])
    func neverWraps(columns: Int) {
        for page in [WatchView.Page.table, .help, .detail] {
            for rows in [2, 5, 24, 60] {
                var view = WatchView()
                view.page = page
                for name in ["python3", "五个汉字宽"] {
                    let model = Self.model(heldBy: name)
                    let lines = WatchScreen(model: model, view: view, size: (columns, rows)).lines
                    #expect(lines.count == rows)
                    #expect(lines.allSatisfy { $0.terminalWidth <= columns })
                }
            }
        }
    }

    @Test("a character is as wide as a terminal makes it")
    func width() {
        #expect(["", "abc", "e\u{301}", "你好", "ｆｕ", "가", "🚢", "…×"].map(\.terminalWidth) == [0, 3, 1, 4, 4, 2, 2, 2])
        #expect("ab你好".prefix(terminalWidth: 3) == "ab" && "ab你好".prefix(terminalWidth: 4) == "ab你")
    }

    @Test("keys sort, filter, pause, mark, open and quit")
    func keys() {
        var view = WatchView()
        view.press("s", rows: 2)
        #expect(view.sort == .queue)
        #expect(view.rows(of: Self.model).first?.port == 5432)
        for key in "/80" { view.press(key, rows: 2) }
        #expect(view.isTyping)
        #expect(view.rows(of: Self.model).map(\.port) == [8080])
        view.press("\n", rows: 1)
        #expect(!view.isTyping)
        view.press("p", rows: 1)
        #expect(view.isPaused)
        view.press("↓", rows: 1)
        #expect(view.selected == 0)
        view.press("\r", rows: 1)
        #expect(view.page == .detail)
        view.press("q", rows: 1)
        #expect(view.page == .table && !view.wantsToQuit)
        view.press("q", rows: 1)
        #expect(view.wantsToQuit)
    }

    @Test("arrows are told from the escape key")
    func arrows() {
        #expect(WatchTerminal.keys(in: "\u{1b}[Aj\u{1b}[B\u{1b}") == ["↑", "j", "↓", "\u{1b}"])
    }
}
