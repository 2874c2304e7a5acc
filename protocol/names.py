"""What names things in messages: ids, names, tokens, each with its limit."""

from typing import Annotated, NewType

from protocol.codec import Identifier, Limit
from protocol.codes import MAX_LABEL, MAX_NAME, MAX_TOKEN

ParticipantId = NewType("ParticipantId", str)
RoomId = NewType("RoomId", str)

Id = Annotated[ParticipantId, Identifier()]
Name = Annotated[str, Limit(MAX_NAME)]
Label = Annotated[str, Limit(MAX_LABEL)]
Token = Annotated[str, Limit(MAX_TOKEN)]
