/// What a submission asks for: the numbers of `io_uring_enter(2)` (`enum io_uring_op`).
package enum RingOperation: UInt8, Sendable, CaseIterable {
    case nothing = 0
    case pollAdd = 6
    case accept = 13
    case cancel = 14
    case close = 19
    case send = 26
    case receive = 27
    case shutdown = 34
    case messageRing = 40
}

/// The numbers of the kernel's interface that rings are made and used with (`include/uapi/linux/io_uring.h`).
@usableFromInline
package enum RingInterface {
    // Of io_uring_setup(2).
    static let completionCount: UInt32 = 1 << 3  // IORING_SETUP_CQSIZE
    static let disabled: UInt32 = 1 << 6  // IORING_SETUP_R_DISABLED
    static let submitAll: UInt32 = 1 << 7  // IORING_SETUP_SUBMIT_ALL, Linux 5.18
    static let singleIssuer: UInt32 = 1 << 12  // IORING_SETUP_SINGLE_ISSUER, Linux 6.0
    static let deferTaskRun: UInt32 = 1 << 13  // IORING_SETUP_DEFER_TASKRUN, Linux 6.1
    static let noArray: UInt32 = 1 << 16  // IORING_SETUP_NO_SQARRAY, Linux 6.6

    // Of what io_uring_setup(2) says.
    static let singleMapping: UInt32 = 1 << 0  // IORING_FEAT_SINGLE_MMAP
    static let noDrop: UInt32 = 1 << 1  // IORING_FEAT_NODROP
    static let timedEnter: UInt32 = 1 << 8  // IORING_FEAT_EXT_ARG
    static let bundles: UInt32 = 1 << 14  // IORING_FEAT_RECVSEND_BUNDLE, Linux 6.10
    static let idleWait: UInt32 = 1 << 17  // IORING_FEAT_NO_IOWAIT, Linux 6.15

    // Where the parts of a ring are mapped.
    static let ringOffset: UInt64 = 0  // IORING_OFF_SQ_RING
    static let entriesOffset: UInt64 = 0x1000_0000  // IORING_OFF_SQES

    // Of io_uring_enter(2).
    static let getEvents: UInt32 = 1 << 0  // IORING_ENTER_GETEVENTS
    static let registeredRing: UInt32 = 1 << 4  // IORING_ENTER_REGISTERED_RING
    static let noIOWait: UInt32 = 1 << 7  // IORING_ENTER_NO_IOWAIT
    static let overflown: UInt32 = 1 << 1  // IORING_SQ_CQ_OVERFLOW, of the submission ring

    // Of submissions.
    @usableFromInline static var selectBuffer: UInt8 { 1 << 5 }  // IOSQE_BUFFER_SELECT
    @usableFromInline static var multishot: UInt16 { 1 << 1 }  // IORING_RECV_MULTISHOT
    @usableFromInline static var pollFirst: UInt16 { 1 << 0 }  // IORING_RECVSEND_POLL_FIRST
    @usableFromInline static var bundle: UInt16 { 1 << 4 }  // IORING_RECVSEND_BUNDLE
    @usableFromInline static var acceptMultishot: UInt16 { 1 << 0 }  // IORING_ACCEPT_MULTISHOT
    @usableFromInline static var pollMultishot: UInt32 { 1 << 0 }  // IORING_POLL_ADD_MULTI
    @usableFromInline static var cancelAll: UInt32 { 1 << 0 }  // IORING_ASYNC_CANCEL_ALL
    @usableFromInline static var cancelByDescriptor: UInt32 { 1 << 1 }  // IORING_ASYNC_CANCEL_FD
    @usableFromInline static var cancelAny: UInt32 { 1 << 2 }  // IORING_ASYNC_CANCEL_ANY
    @usableFromInline static var passFlags: UInt32 { 1 << 1 }  // IORING_MSG_RING_FLAGS_PASS, Linux 6.3

    // Of completions.
    @usableFromInline static var hasBuffer: UInt32 { 1 << 0 }  // IORING_CQE_F_BUFFER
    @usableFromInline static var hasMore: UInt32 { 1 << 1 }  // IORING_CQE_F_MORE
    @usableFromInline static var isNonEmpty: UInt32 { 1 << 2 }  // IORING_CQE_F_SOCK_NONEMPTY

    // Of the C library, as numbers, for members that are inlined where it is not imported.
    @usableFromInline static var closeOnExec: UInt32 { 0x8_0000 }  // SOCK_CLOEXEC
    @usableFromInline static var nonBlocking: UInt32 { 0x800 }  // SOCK_NONBLOCK
    @usableFromInline static var noSignal: UInt32 { 0x4000 }  // MSG_NOSIGNAL
    @usableFromInline static var waitForAll: UInt32 { 0x100 }  // MSG_WAITALL
}
