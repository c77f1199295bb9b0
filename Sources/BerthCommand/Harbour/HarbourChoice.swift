internal import ArgumentParser
internal import BerthHarbour
internal import BerthSockets
internal import BerthSystem

/// Which harbour an operating verb means.
struct HarbourChoice: ParsableArguments {
    @Argument(help: "The address or the port of the service. Default: the only harbour there is.")
    var address: Endpoint?

    @Option(help: ArgumentHelp("The control socket of the harbour, in place of the address.", valueName: "path"))
    var control: String?

    func validate() throws {
        if let mistake = address?.mistake { throw ValidationError(mistake.description) }
        if address != nil, control != nil { throw ValidationError("an address and --control exclude each other.") }
    }

    /// Asks the harbour.
    func ask(_ request: ControlRequest) throws -> JSONValue {
        do throws(ControlFailure) {
            var client = try ControlClient(path: try path)
            return try client.ask(request)
        } catch { throw CommandFailure(message: error.description) }
    }

    /// Asks it to end, and waits until it has.
    func askAndWaitForEnd(_ request: ControlRequest) throws {
        do throws(ControlFailure) {
            var client = try ControlClient(path: try path)
            _ = try client.ask(request)
            client.waitForEnd()
        } catch { throw CommandFailure(message: error.description) }
    }

    private var path: String {
        get throws(ControlFailure) {
            if let control { return control }
            let directory = ControlPath.directory
            if let address {
                let found = ControlPath.candidates(for: address)
                if found.count == 1 { return found[0] }
                if found.isEmpty {
                    throw ControlFailure("no harbour of \(address) is in \(directory); name its socket by --control")
                }
                throw ControlFailure("several harbours have that port: \(found.joined(separator: ", "))")
            }
            let all = ((try? Kernel.names(inDirectory: directory)) ?? []).filter { $0.hasSuffix(".sock") }.sorted()
            if all.count == 1 { return "\(directory)/\(all[0])" }
            if all.isEmpty { throw ControlFailure("there is no harbour in \(directory)") }
            throw ControlFailure(
                "there are several harbours, name one: \(all.map { $0.dropLast(5) }.joined(separator: ", "))")
        }
    }
}
