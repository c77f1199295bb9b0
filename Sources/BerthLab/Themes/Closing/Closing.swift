/// Closing, RST and lost tails.
enum Closing {
    static let all: [Experiment] = ends + unread + resets + halves + afterBothHalves + unsent + losses + cures
}
