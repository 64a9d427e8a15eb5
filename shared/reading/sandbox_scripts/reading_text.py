"""Plain text in any usual encoding: paragraphs, list items, underlined or capitalised headings, form feeds as page breaks."""

import codecs
import re

from reading_problem import Problem

DIRECTIVE = re.compile(r"\s*\.\. (?:_[^:]+:|[\w-]+::)")
ITEM = re.compile(r"[ \t]*(?:[-*•‣–]|\(?(?:\d{1,3}|[a-zA-Z])[.)])[ \t]+(?=\S)")
UNDERLINE = re.compile(r"[ \t]*([=\-~^*#+])\1{2,}[ \t]*$")
NUMBERED = re.compile(r"\d+(?:\.\d+)*\.?[ \t]+[^\W\d_a-z]")
WESTERN = frozenset("äöüßÄÖÜéèêëàâáçîïíìôóòûúùñåøæœãõýðþšžŠŽÉÈÀÂÁÇÎÍÔÓÚÑÅØÆŒÊÞ°€£§²³µ·×½¼±–—‘’‚“”„…•«»¿¡\u00a0\u00ad")
SIGNS = frozenset("°€£µ²³§©®·…–—‘’“”„«»\u00a0")
TELLING = (
    ("cp1254", frozenset("çğıöşüâîûÇĞİÖŞÜÂÎÛ"), re.compile(r"[ğışİĞŞ]")),
    ("cp1250", frozenset("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ"), re.compile(r"(?<=[^\W\d_])[ąłż](?=[a-z])")),
    ("cp1250", frozenset("áčďéěíňóřšťúůýžÁČĎÉĚÍŇÓŘŠŤÚŮÝŽľĽôÔćđĆĐäÄ"), re.compile(r"[ěů](?=[a-z])|ť(?=[a-z])|[šžŠŽ][\s\S]*[šžŠŽ]")),
    ("cp1250", frozenset("áéíóöőúüűÁÉÍÓÖŐÚÜŰ"), re.compile(r"ő(?!e)[\s\S]*[áéíó]|[áéíó][\s\S]*ő(?!e)")),
    ("cp1250", frozenset("ăâîşţĂÂÎŞŢ"), re.compile(r"(?<=[^\W\d_])ş(?=[a-z])|ţ(?=[a-z])")),
    ("koi8_r", frozenset(map(chr, range(0x410, 0x450))) | frozenset("ёЁ"), re.compile(r"^(?![\s\S]*[а-яё][А-ЯЁ])[\s\S]*[А-Я][а-яё]{2}")),
)
"""Turkish, Polish, Czech and its neighbours, Hungarian, Romanian, Russian: (code page, its letters, what is rare in cp1252)."""
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip


def read(path, _parameters, writer):
    """Write the blocks; what is known of the document as a whole."""
    text, encoding = decode(path)
    pages = text.split("\f")
    for number, page in enumerate(pages, start=1):
        _page(page.splitlines(), number if len(pages) > 1 else None, writer)
    return {"encoding": encoding, "pages": len(pages) if len(pages) > 1 else None}


def decode(path, declared=False):
    """The file's text and its encoding; a ``Problem`` if it is no text."""
    with open(path, "rb") as file:
        data = file.read()
    for mark, name in BOMS:
        if data.startswith(mark):
            return _clean(data.decode(name, "replace")), name.removesuffix("-sig")
    if declared:
        found = re.search(
            rb"<meta[^>]{0,200}charset=[\"']?([A-Za-z0-9_-]{2,40})|<\?xml[^>]{0,100}encoding=[\"']([A-Za-z0-9_-]{2,40})", data[:4096]
        )
        if found:
            name = (found.group(1) or found.group(2)).decode()
            try:
                if codecs.lookup(name).name.startswith(("iso8859", "cp125")) and not data.isascii():
                    return _clean(data.decode("utf-8")), "utf-8"  # which no text of another encoding happens to be
            except (LookupError, UnicodeDecodeError):
                pass
            try:
                return _clean(data.decode(name)), name.lower()
            except (LookupError, UnicodeDecodeError):
                pass  # it says one thing and is another: look at the bytes
    try:
        return _clean(data.decode("utf-8")), "utf-8"
    except UnicodeDecodeError:
        pass
    head = data[:65_536]
    if (b"\0" in head or sum(byte < 9 or 13 < byte < 32 for byte in head) * 50 > len(head)) and not _wide(data):
        raise Problem("binary", "is not a text: it holds binary data", "Give PDF, DOCX, HTML, Markdown or text.")
    for codec, letters, telling in TELLING:
        text = data.decode(codec, "replace")
        if set(re.sub(r"[\x00-\x7f]", "", text)) <= letters | SIGNS and telling.search(text):
            return _clean(text), codec
    if _western(data):
        return _clean(data.decode("cp1252")), "cp1252"
    import charset_normalizer

    best = charset_normalizer.from_bytes(data[:500_000], cp_exclusion=["shift_jis_2004", "shift_jisx0213"]).best()
    name = best.encoding if best is not None else "cp1252"
    if name in EASTERN and _is_japanese(data, name):
        name = "euc_jp"
    return _clean(data.decode(name, "replace")), name


EASTERN = ("cp949", "euc_kr", "johab", "gb2312", "gbk", "gb18030", "big5", "big5hkscs", "cp950", "cp932", "euc_jis_2004", "euc_jisx0213")


def _is_japanese(data, guess):
    """Whether the bytes are EUC-JP: with syllables that the rows of Chinese and Korean do not have, or as what no Korean mixes."""
    try:
        text = data.decode("euc_jp")
    except UnicodeDecodeError:
        return False
    mixed = guess in ("cp949", "euc_kr", "johab") and re.search(r"[\u4e00-\u9fff\uf900-\ufaff]", data.decode(guess, "replace"))
    return bool(mixed) or len(re.findall(r"[\u3041-\u30fc]", text)) * 20 > len(re.findall(r"[\u3041-\u9fff]", text))


def _western(data):
    """Whether the bytes above ASCII are what Western European prose has in cp1252: few, and letters, quotes, dashes and units."""
    try:
        high = [c for c in data.decode("cp1252") if ord(c) > 127]
    except UnicodeDecodeError:
        return False
    usual = sum(c in WESTERN for c in high)
    return len(high) * 4 < len(data) and usual * 10 >= len(high) * 9


def _wide(data):
    """UTF-16 without a mark: every second byte of the beginning is zero."""
    head = data[:2000]
    return len(head) > 20 and (head[1::2].count(0) * 10 > len(head) * 4 or head[::2].count(0) * 10 > len(head) * 4)


def _clean(text):
    control = sum(ord(c) < 9 or 13 < ord(c) < 32 for c in text[:65_536])
    if "\0" in text[:65_536] or control * 50 > len(text[:65_536]) > 0:
        raise Problem("binary", "is not a text: it holds binary data", "Give PDF, DOCX, HTML, Markdown or text.")
    return "".join(c if c.isprintable() or c in "\n\r\t\f" else " " for c in text)


def _page(lines, page, writer):
    paragraph = []

    def flush():
        if paragraph:
            writer.write(kind="paragraph", lines=list(paragraph), page=page)
            paragraph.clear()

    for at, line in enumerate(lines):
        stripped = " ".join(line.split())
        following = lines[at + 1] if at + 1 < len(lines) else ""
        if not stripped or UNDERLINE.match(line) or DIRECTIVE.match(line):
            flush()
        elif _is_heading(lines, at, stripped, following):
            flush()
            writer.write(kind="heading", lines=[stripped], level=2 if not following.strip().startswith("=") else 1, page=page)
        elif ITEM.match(line):
            flush()
            if at + 1 < len(lines) and lines[at + 1][:1] in (" ", "\t") and lines[at + 1].strip() and not ITEM.match(lines[at + 1]):
                paragraph.append(stripped)
            else:
                writer.write(kind="item", lines=[stripped], page=page)
        else:
            paragraph.append(stripped)
    flush()


def _is_heading(lines, at, text, following):
    if len(text) > 100 or not any(c.isalpha() for c in text):
        return False
    if UNDERLINE.match(following) and len(following.strip()) + 3 >= len(text) and not text.startswith("|"):
        return True
    alone = not following.strip() and (at == 0 or not lines[at - 1].strip())
    if not alone or text[-1] in ".,;:?!":
        return False
    return (text.upper() == text and sum(c.isalpha() for c in text) > 3) or bool(NUMBERED.match(text))
