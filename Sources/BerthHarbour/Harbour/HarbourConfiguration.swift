internal import BerthSockets
internal import BerthSystem

/// How a harbour is to be.
package struct HarbourConfiguration: Sendable {
    /// Where the control socket is.
    package enum Control: Sendable, Hashable {
        /// By the address of the service, in a directory of the user.
        case automatic
        case path(String)
        case none
    }

    package var program: WorkerProgram
    /// What workers of this program know their service by.
    package var server: String
    package var layout: HarbourLayout
    /// What the layout is called; default by the layout.
    package var layoutName: String?
    package var settings: SupervisionSettings
    package var control: Control = .automatic
    /// What the workers know together; `nil` for programs that know nothing of it.
    package var board: Board?
    /// What the harbour itself is started as when it is to be replaced; `nil` when it is not to be.
    package var upgradeProgram: WorkerProgram?
    /// The name of the first version.
    package var generation = "v1"
    /// Is told what happens, on the harbour's thread.
    /// Is called once, when as many workers are ready as there are to be.
    package var becameReady: @Sendable () -> Void = {}
    /// Is called when the service is not ready any more, as it is to end.
    package var withdraw: @Sendable () -> Void = {}
    package var observe: @Sendable (HarbourEvent) -> Void

    package init(
        program: WorkerProgram, server: String, layout: HarbourLayout, settings: SupervisionSettings,
        observe: @escaping @Sendable (HarbourEvent) -> Void
    ) {
        self.program = program
        self.server = server
        self.layout = layout
        self.settings = settings
        self.observe = observe
    }
}

/// How a harbour ended.
package struct HarbourReport: Sendable {
    /// What all workers have counted.
    package var counts: WorkerCounts
    /// Why it could not go on; `nil` when it was told to end.
    package var failure: String?
    /// How many workers had to be killed at the end.
    package var killed: Int
    /// The connections that workers had to cut at the end.
    package var cut: [CutConnection]
}
