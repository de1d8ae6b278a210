"""The report's tables as .csv and .xlsx."""

import csv
import io
from collections.abc import Sequence

from ..errors import UsageError
from ..resources import install_hint
from .page import ReportTable


def as_csv(sheets: Sequence[ReportTable]) -> bytes:
    """Return the tables below one another, each after a line with its title; UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for place, sheet in enumerate(sheets):
        writer.writerows([*([[]] if place else []), [sheet.title], sheet.columns, *sheet.rows])
    return text.getvalue().encode()


def as_xlsx(sheets: Sequence[ReportTable]) -> bytes:
    """Return a workbook with a sheet for each table; UsageError without openpyxl."""
    try:
        from openpyxl import Workbook
        from openpyxl.styles import Font
        from openpyxl.utils import get_column_letter
    except ImportError as error:
        raise UsageError("a report as .xlsx needs openpyxl", install_hint("report")) from error
    book = Workbook()
    book.remove(book.active)
    for table in sheets:
        sheet = book.create_sheet(table.title[:31])
        sheet.append(list(table.columns))
        for row in table.rows:
            sheet.append(list(row))
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "A2"
        for place, name in enumerate(table.columns, 1):
            longest = max([len(name), *(len(str(row[place - 1])) for row in table.rows)])
            sheet.column_dimensions[get_column_letter(place)].width = longest + 2
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
