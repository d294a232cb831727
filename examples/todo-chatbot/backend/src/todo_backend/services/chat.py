"""The chat: conversation in, agent's answer out."""

import asyncio
import logging
from importlib import import_module
from typing import TYPE_CHECKING
from uuid import UUID

from ..common.tokens import Caller
from ..models.schemas import ChatReply
from ..settings import Settings
from .conversations import ConversationService

if TYPE_CHECKING:
    from .agent import Assistant

logger = logging.getLogger(__name__)


class ChatService:
    """Answers messages and keeps the conversation. The Agents SDK is loaded at the first use, or by `warm`."""

    def __init__(self, settings: Settings, conversations: ConversationService) -> None:
        self._settings = settings
        self._conversations = conversations
        self._assistant: Assistant | None = None
        self._loading = asyncio.Lock()

    async def assistant(self) -> "Assistant":
        """The assistant; the first call loads the SDK, beside the event loop."""
        async with self._loading:
            if self._assistant is None:
                module = await asyncio.to_thread(import_module, "todo_backend.services.agent")
                self._assistant = module.Assistant(self._settings)
                logger.info("assistant loaded, model %s", self._assistant.model_name)
            return self._assistant

    async def close(self) -> None:
        """Close what the assistant keeps open."""
        if self._assistant is not None:
            await self._assistant.close()

    async def reply(self, caller: Caller, message: str, conversation_id: UUID | None) -> ChatReply:
        """Answer `message` in the given conversation or a new one. Raises ConversationNotFound."""
        conversation, history = await asyncio.to_thread(self._conversations.open, caller.user_id, conversation_id)
        answer = await (await self.assistant()).answer(caller.token, message, history)
        await asyncio.to_thread(self._conversations.append, conversation, message, answer.text, answer.tool_calls)
        return ChatReply(
            reply=answer.text, conversation_id=conversation, model=answer.model, tool_calls=answer.tool_calls
        )
