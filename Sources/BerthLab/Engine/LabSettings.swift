/// How experiments are run.
package struct LabSettings: Sendable {
    /// The program that experiments start for processes of their own: `berth`.
    package var program = "/proc/self/exe"
    /// Whether those that wait for long timers are run.
    package var runsSlow = false
    /// The number of the comparison that is reversed, to show that an experiment can fail; `nil` for none.
    package var reversed: Int?
    /// How many run at once.
    package var jobs = 2

    package init() {}
}
