"""Restart from the file of an earlier stand-in: its sessions, agents and flushed messages are there again."""

from fleetlm_users.standin.agent.agents import Agent, Agents
from fleetlm_users.standin.chat.session_store import Store, run_id_of
from fleetlm_users.standin.chat.stored_message import StoredMessage, seq_of
from fleetlm_users.standin.storage.ack_journal import AckJournal
from fleetlm_users.standin.storage.storage_file import AGENT, ARCHIVED, MESSAGE, SESSION, StorageFile
from fleetlm_users.standin.storage.storage_options import StorageOptions, StorageUnusable
from fleetlm_users.standin.storage.write_behind import WriteBehind

Named = tuple[str, StoredMessage]
"""A session's id and one of its messages."""


async def open_storage(options: StorageOptions, storage: WriteBehind, store: Store, agents: Agents) -> None:
    """Open all files and databases, and take over what an earlier process left in them. Raises StorageUnusable."""
    messages: list[Named] = []
    try:
        if options.file is not None:
            storage.file = StorageFile(options.file)
            messages = restore(storage.file, store, agents)
            agents.on_change = storage.file.save_agent
        if options.journal is not None:
            storage.journal = AckJournal(options.journal)
            stored = {(session_id, seq_of(message)) for session_id, message in messages}
            storage.journal.balance(stored, storage.record)
    except OSError as problem:
        raise StorageUnusable(f"{problem.filename} cannot be used: {problem.strerror}") from problem
    await storage.catch_up([message for _, message in messages])


def restore(file: StorageFile, store: Store, agents: Agents) -> list[Named]:
    """Load the contents of the file into `store` and `agents`; return its messages. Raises StorageUnusable and OSError.

    The next seq of a session follows its highest one in the file. Restored objects change no counter.
    """
    messages: list[Named] = []
    for kind, record in file.records():
        if kind == SESSION:
            store.create(**record)
        elif kind == AGENT:
            agents.restore(Agent(**record))
        elif kind == MESSAGE:
            messages.append(record)
            _keep(store, *record)
        elif kind == ARCHIVED and record in store.sessions:
            session = store.sessions[record]
            store.archive(session, session.inserted_s)
    store.counters.runs.clear()
    for session in store.sessions.values():
        session.run = store.counters.run(run_id_of(session.metadata))
    return messages


def _keep(store: Store, session_id: str, message: StoredMessage) -> None:
    session = store.sessions.get(session_id)
    if session is not None:  # the file may hold more sessions than the store
        store.keep(session, message)
        session.seq = session.flushed_seq = max(session.seq, seq_of(message))
