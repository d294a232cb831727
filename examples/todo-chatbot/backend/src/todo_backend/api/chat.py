"""The chat and its conversations."""

from uuid import UUID

from fastapi import APIRouter

from ..models.schemas import ChatReply, ChatRequest, ConversationRead, MessageRead
from .context import CallerDep, ServicesDep

router = APIRouter(prefix="/api", tags=["chat"])


@router.post("/chat")
async def chat(app: ServicesDep, caller: CallerDep, body: ChatRequest) -> ChatReply:
    """Say something to the assistant, which works with the caller's todos."""
    return await app.chat.reply(caller, body.message, body.conversation_id)


@router.get("/conversations/{conversation_id}")
def conversation(app: ServicesDep, caller: CallerDep, conversation_id: UUID) -> ConversationRead:
    """The messages of one of the caller's conversations, oldest first."""
    found, messages = app.conversations.read(caller.user_id, conversation_id)
    return ConversationRead(
        id=found.id, created_at=found.created_at, messages=[MessageRead.of(message) for message in messages]
    )
