"""What can be wrong with a message.

ProtocolError      the text is not a message of this protocol
"""

from protocol.codes import ErrorCode


class ProtocolError(ValueError):
    """The text is not a message of this protocol.

    ``code`` is what goes back on the wire; the text says what was expected and
    what came, and never quotes the value, which may be private.
    """

    def __init__(self, text: str, code: ErrorCode = ErrorCode.BAD_MESSAGE) -> None:
        super().__init__(text)
        self.code = code
