"""Text that reads like instructions, as both tracks recognise it (``shared/language/instructions.py``)."""

from shared.language.instructions import INSTRUCTION_LIKE, reads_like_instructions

__all__ = ["INSTRUCTION_LIKE", "reads_like_instructions"]
