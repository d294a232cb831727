"""Keeping conversations, one user at a time."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session, col, select

from ..common.database import Database
from ..models import Conversation, Message
from ..models.schemas import ToolCall

HISTORY_MESSAGES = 20  # what the model sees of a long conversation


class ConversationNotFound(LookupError):
    """The user has no conversation with this id."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message, as the model needs it."""

    role: str
    content: str


class ConversationService:
    """The conversations in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, user_id: str, conversation_id: UUID) -> tuple[Conversation, list[Message]]:
        """A conversation and its messages, oldest first. Raises ConversationNotFound."""
        with self._database.session() as session:
            conversation = _owned(session, user_id, conversation_id)
            query = select(Message).where(Message.conversation_id == conversation_id).order_by(col(Message.id))
            return conversation, [*session.exec(query)]

    def open(self, user_id: str, conversation_id: UUID | None) -> tuple[UUID, list[Turn]]:
        """The conversation and its latest turns; a new one when no id is given. Raises ConversationNotFound."""
        with self._database.session() as session:
            if conversation_id is None:
                conversation = Conversation(user_id=user_id)
                session.add(conversation)
                session.commit()
                return conversation.id, []
            _owned(session, user_id, conversation_id)
            newest = (
                select(Message)
                .where(Message.conversation_id == conversation_id)
                .order_by(col(Message.id).desc())
                .limit(HISTORY_MESSAGES)
            )
            return conversation_id, [Turn(m.role, m.content) for m in reversed([*session.exec(newest)])]

    def append(self, conversation_id: UUID, question: str, answer: str, tool_calls: list[ToolCall]) -> None:
        """Store what the user said and what was answered, both or neither."""
        calls = [call.model_dump(mode="json") for call in tool_calls]
        with self._database.session() as session:
            session.add(Message(conversation_id=conversation_id, role="user", content=question))
            session.flush()  # the order of the ids is the order of the messages
            session.add(Message(conversation_id=conversation_id, role="assistant", content=answer, tool_calls=calls))
            session.commit()


def _owned(session: Session, user_id: str, conversation_id: UUID) -> Conversation:
    query = select(Conversation).where(Conversation.id == conversation_id, Conversation.user_id == user_id)
    conversation = session.exec(query).first()
    if conversation is None:
        raise ConversationNotFound(conversation_id)
    return conversation
