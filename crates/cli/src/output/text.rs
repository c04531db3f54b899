//! Tables and sentences for people.

use std::io::IsTerminal as _;

use comfy_table::{ContentArrangement, Table, presets};
use driftless_record::Timestamp;
use jiff::tz::TimeZone;

/// The most characters of a value in a table.
const CELL: usize = 60;

/// Makes a table of columns without lines; as wide as the terminal, or as wide as it needs to be elsewhere.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    render(
        header.iter().map(|name| (*name).to_owned()).collect(),
        rows.into_iter().map(Vec::from),
    )
}

/// Makes a table whose columns are known only now.
pub(crate) fn render(header: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| clip(cell)).collect::<Vec<_>>());
    }
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 1));
    }
    let text: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    text.join("\n")
}

/// Cuts a value to one short line. Control characters, which could move a terminal's cursor, become spaces.
pub(crate) fn clip(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut clipped: String = plain.clone().take(CELL).collect();
    if plain.count() > CELL {
        clipped.pop();
        clipped.push('…');
    }
    clipped
}

/// Makes a text safe to print whole: control characters but line breaks, and marks that turn the direction of the text
/// around them, become spaces.
pub(crate) fn plain(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let safe = |c: char| {
        if (c.is_control() && c != '\n') || turns(c) {
            ' '
        } else {
            c
        }
    };
    text.chars().map(safe).collect()
}

/// Writes a point in time in the time zone of this machine.
pub(crate) fn when(time: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(time.0) {
        Ok(at) => at
            .to_zoned(TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
        Err(_) => time.to_string(),
    }
}

/// Writes a point in time, or `never`.
pub(crate) fn when_if(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "never".to_owned(), when)
}

/// Writes a number with its noun: `1 record`, `2 records`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_text_cannot_move_the_cursor() {
        assert_eq!(clip("a\u{1b}[2Jb\nc"), "a [2Jb c");
        assert_eq!(plain("a\u{1b}[2Jb\nc"), "a [2Jb\nc");
        assert_eq!(clip(&"x".repeat(80)).chars().count(), CELL);
    }

    #[test]
    fn columns_are_aligned_without_lines() {
        let rows = [
            ["1".to_owned(), "Ann".to_owned()],
            ["200".to_owned(), "Bo".to_owned()],
        ];
        assert_eq!(table(["id", "name"], rows), "id   name\n1    Ann\n200  Bo");
    }
}
