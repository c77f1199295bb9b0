internal import CBerth

/// A task, without a reference to it: for those who know that it is there because it is the one that calls.
///
/// `Task.isCancelled` looks for the present task and counts a reference to it, which is as much as the rest of a wait.
package struct TaskMark {
    private let task: UnsafeRawPointer

    /// The present task; `nil` where there is none.
    package init?() {
        let found = withUnsafeCurrentTask { task in
            // It is a reference and nothing else.
            unsafe task.map { unsafe unsafeBitCast($0, to: UnsafeRawPointer.self) }
        }
        guard let found = unsafe found else { return nil }
        unsafe task = found
    }

    /// Whether it was cancelled. Only while it is there.
    package var isCancelled: Bool { unsafe berth_task_is_cancelled(task) }
}
