@_exported public import BerthEngine
@_exported public import BerthFraming
@_exported public import BerthHarbour
@_exported public import BerthInspect
@_exported public import BerthServer
@_exported public import BerthSockets
@_exported public import BerthSystem
