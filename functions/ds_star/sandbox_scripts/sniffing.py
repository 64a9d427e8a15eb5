"""What kind of file this is, told from its bytes: format, encoding, delimiter. The name is only believed where bytes cannot tell."""

from __future__ import annotations

import codecs
import csv
import re
from pathlib import Path

SAMPLE = 1 << 20
BLOCK = 1 << 22


class Unreadable(Exception):
    """A file that cannot be read: what is wrong, and what to do about it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


_FOREIGN = (
    (b"%PDF", "a PDF document", "Give it with --docs, or export its table as CSV."),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first."),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it first."),
    (b"Rar!", "a RAR archive", "Unpack it first."),
    (b"BZh", "a bzip2 archive", "Unpack it first."),
    (b"\xfd7zXZ", "an xz archive", "Unpack it first."),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "Unpack it first."),
    (b"\x89PNG", "a PNG image", "Give a table: CSV, TSV, JSON, JSONL, XLSX, Parquet or SQLite."),
    (b"\xff\xd8\xff", "a JPEG image", "Give a table: CSV, TSV, JSON, JSONL, XLSX, Parquet or SQLite."),
    (b"GIF8", "a GIF image", "Give a table: CSV, TSV, JSON, JSONL, XLSX, Parquet or SQLite."),
    (b"\x7fELF", "a program", "Give a table: CSV, TSV, JSON, JSONL, XLSX, Parquet or SQLite."),
    (b"\x89HDF", "an HDF5 file", "Save the table as Parquet or CSV."),
    (b"CDF\x01", "a NetCDF file", "Save the table as Parquet or CSV."),
    (b"RDX", "an R data file", "Save the table as Parquet or CSV."),
)


def detect_format(path: str) -> str:
    """``xlsx``, ``parquet``, ``sqlite``, ``json``, ``jsonl`` or ``text``; ``Unreadable`` for anything else."""
    file = Path(path)
    if not file.exists():
        raise Unreadable("the file does not exist", "Check the path.")
    if file.stat().st_size == 0:
        raise Unreadable("the file is empty (0 bytes)", "Check the export or the download and give the file again.")
    with file.open("rb") as stream:
        head = stream.read(SAMPLE)
    if head[:4] == b"PAR1":
        return "parquet"
    if head[:16] == b"SQLite format 3\x00":
        return "sqlite"
    if head[:4] == b"PK\x03\x04":
        return _zip_format(path)
    if head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return _ole_format(file)
    for magic, what, remedy in _FOREIGN:
        if head.startswith(magic):
            raise Unreadable(f"this is {what}, not a table", remedy)
    return _text_format(head, file.suffix.lower())


def _zip_format(path: str) -> str:
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError) as broken:
        raise Unreadable(
            f"the file is a damaged ZIP or XLSX ({broken})", "Save the workbook again, or export the sheet as CSV."
        ) from broken
    if "xl/workbook.xml" in names or any(n.startswith("xl/") for n in names):
        return "xlsx"
    if any(n.startswith("word/") for n in names):
        raise Unreadable("this is a Word document, not a table", "Give it with --docs.")
    if "content.xml" in names and "mimetype" in names:
        raise Unreadable("this is an OpenDocument file", "Save the sheet as XLSX or CSV.")
    raise Unreadable("this is a ZIP archive, not a table", "Unpack it first.")


def _ole_format(file: Path) -> str:
    content = file.read_bytes()[: 8 * SAMPLE]
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise Unreadable("the workbook is protected by a password", "Save a copy without a password, or export the sheet as CSV.")
    raise Unreadable("this is an old binary Office file (.xls or .doc)", "Save it as XLSX or CSV.")


def _text_format(head: bytes, suffix: str) -> str:
    wide = head[:4096].count(0) > 0 and _utf16_guess(head) is not None
    if not wide and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        control = sum(head.count(bytes([c])) for c in (0, 1, 2, 3, 4, 5, 6, 7, 8, 14, 15, 16, 17, 18, 19, 20))
        if head.count(0) or control > len(head) // 100:
            raise Unreadable(
                "the file is binary, and not a kind of table that is known", "Give CSV, TSV, JSON, JSONL, XLSX, Parquet or SQLite."
            )
    text = head[:200_000].decode("utf-16" if wide else "utf-8-sig", errors="replace").lstrip("\ufeff \r\n\t")
    if not text:
        raise Unreadable("the file holds nothing but white space", "Check the export or the download and give the file again.")
    if text[:200].lower().startswith(("<!doctype html", "<html")):
        raise Unreadable("this is a web page, not a table", "Download the data itself, often a link called CSV or Excel.")
    if text.startswith("<?xml"):
        raise Unreadable("this is an XML file", "Save the table as CSV or JSON.")
    if suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    if re.match(r'\{\s*["}]', text) or (suffix == ".json" and text[0] == "{"):
        lines = [line for line in text.splitlines()[:3] if line.strip()]
        return "jsonl" if len(lines) > 1 and all(_whole_object(line) for line in lines[:2]) else "json"
    return "json" if suffix == ".json" or re.match(r"\[\s*[\[{\]]", text) else "text"


def _whole_object(line: str) -> bool:
    return line.strip().startswith("{") and line.strip().rstrip(",").endswith("}")


def detect_encoding(path: str) -> tuple[str, list[str], list[str]]:
    """(codec, assumptions, warnings). Strict UTF-8 over the whole file is believed before anything else."""
    with Path(path).open("rb") as stream:
        head = stream.read(SAMPLE)
    for mark, codec in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return codec, [], []
    if head.count(0) and (guess := _utf16_guess(head)):
        return guess, [f"read as {guess.upper()} (no byte-order mark)"], []
    wrong, high = _utf8_errors(path)
    if not wrong:
        return "utf-8", [], []
    if wrong * 20 < high:
        return "utf-8", [], [f"{wrong} characters are not valid UTF-8 and were replaced"]
    codec = _guess_single_byte(path)
    return codec, [f"read as {codec} (the bytes are not UTF-8)"], []


def _utf16_guess(head: bytes) -> str | None:
    sample = head[:4096]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > 0.3 * len(sample) / 2 and even < odd / 10:
        return "utf-16-le"
    return "utf-16-be" if even > 0.3 * len(sample) / 2 and odd < even / 10 else None


def _utf8_errors(path: str) -> tuple[int, int]:
    """(invalid sequences, characters outside ASCII) of the whole file, read in blocks."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    wrong = high = 0
    with Path(path).open("rb") as stream:
        while block := stream.read(BLOCK):
            text = decoder.decode(block)
            if not text.isascii():
                wrong += text.count("\ufffd")
                high += len(re.findall(r"[^\x00-\x7f]", text))
    return wrong, high


_OLD = ("mac_greek", "mac_cyrillic", "mac_turkish", "mac_latin2", "mac_iceland", "shift_jis_2004", "shift_jisx0213")
"""Of which no export was seen for twenty years; short texts of Windows' code pages are taken for them."""
_SIGNS = frozenset("°€£µ²³§©®·…–—‘’“”„«»\u00a0")
_TELLING = (
    ("cp1254", frozenset("çğıöşüâîûÇĞİÖŞÜÂÎÛ"), re.compile(r"[ğışİĞŞ]")),
    ("cp1250", frozenset("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ"), re.compile(r"(?<=[^\W\d_])[ąłż](?=[a-z])")),
    ("cp1250", frozenset("áčďéěíňóřšťúůýžÁČĎÉĚÍŇÓŘŠŤÚŮÝŽľĽôÔćđĆĐäÄ"), re.compile(r"[ěů](?=[a-z])|ť(?=[a-z])|[šžŠŽ][\s\S]*[šžŠŽ]")),
    ("cp1250", frozenset("áéíóöőúüűÁÉÍÓÖŐÚÜŰ"), re.compile(r"ő(?!e)[\s\S]*[áéíó]|[áéíó][\s\S]*ő(?!e)")),
    ("cp1250", frozenset("ăâîşţĂÂÎŞŢ"), re.compile(r"(?<=[^\W\d_])ş(?=[a-z])|ţ(?=[a-z])")),
    ("koi8_r", frozenset(map(chr, range(0x410, 0x450))) | frozenset("ёЁ"), re.compile(r"^(?![\s\S]*[а-яё][А-ЯЁ])[\s\S]*[А-Я][а-яё]{2}")),
)
"""Turkish, Polish, Czech and its neighbours, Hungarian, Romanian, Russian: (code page, its letters, what is rare in cp1252)."""


def _guess_single_byte(path: str) -> str:
    """The code page in which the bytes above 127 read as letters and signs that people use."""
    with Path(path).open("rb") as stream:
        data = stream.read(4 * SAMPLE)
    for codec, letters, telling in _TELLING:
        text = data.decode(codec, errors="replace")
        if set(re.sub(r"[\x00-\x7f]", "", text)) <= letters | _SIGNS and telling.search(text):
            return codec
    scores = []
    for rank, codec in enumerate(("cp1252", "mac_roman", "cp850", "latin-1")):
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        good = len(
            re.findall(
                r"(?<=[A-Za-z])[äöüàâçéèêëîïôùûñåøæáíóúßœãõìòýðþ]|[äöüàâçéèêëîïôùûñåøæáíóúßœãõìòýðþÄÖÜÉÈÀÇÅØÁÂÊÍÓÔÚÞ](?=[a-z])|"
                r"[°€£µ²³–’“”«»](?![a-z])",
                text,
            )
        )
        odd = len(re.findall(r"[^\x00-\x7f]", text))
        scores.append((good / max(odd, 1), -rank, codec))
    best = max(scores)
    if best[0] >= 0.6:
        return best[2]
    from charset_normalizer import from_bytes

    match = from_bytes(data[:SAMPLE], cp_exclusion=list(_OLD)).best()
    guess = match.encoding if match is not None and match.encoding != "ascii" else "cp1252"
    return "euc_jp" if guess in _EASTERN and _is_japanese(data, guess) else guess


_EASTERN = ("cp949", "euc_kr", "johab", "gb2312", "gbk", "gb18030", "big5", "big5hkscs", "cp950", "cp932", "euc_jis_2004", "euc_jisx0213")


def _is_japanese(data: bytes, guess: str) -> bool:
    """Whether the bytes are EUC-JP: with syllables that the rows of Chinese and Korean do not have, or as what no Korean mixes."""
    try:
        text = codecs.getincrementaldecoder("euc_jp")().decode(data)
    except UnicodeDecodeError:
        return False
    other = data.decode(guess, errors="replace")
    mixed = guess in ("cp949", "euc_kr", "johab") and bool(re.search(r"[\u4e00-\u9fff\uf900-\ufaff]", other))
    return mixed or len(re.findall(r"[\u3041-\u30fc]", text)) * 20 > len(re.findall(r"[\u3041-\u9fff]", text))


def detect_delimiter(lines: list[str], suffix: str) -> str:
    """The character that splits most lines into the same number (two or more) of cells; a comma where there is only one column."""
    best, chosen = 0.0, "\t" if suffix in (".tsv", ".tab") else ","
    for delimiter in ("\t", ";", "|", ",") if suffix in (".tsv", ".tab") else (",", ";", "\t", "|"):
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if any(cell.strip() for cell in row)]
        if not widths:
            continue
        usual = max(set(widths), key=lambda w: (widths.count(w) * (w > 1), w))
        share = widths.count(usual) / len(widths)
        score = share * (1 + min(usual, 12) / 40) if usual > 1 else 0.0
        if score > best + 1e-9:
            best, chosen = score, delimiter
    return chosen


def prime_from(number: int) -> int:
    """The smallest prime from ``number`` on: a sampling step that falls into no cycle of the rows."""
    number = max(2, number)
    while any(number % divisor == 0 for divisor in range(2, int(number**0.5) + 1)):
        number += 1
    return number
