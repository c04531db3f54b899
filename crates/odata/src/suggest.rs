//! Finds the name that was probably meant.

/// Returns the known name nearest to an unknown one, if any is near.
pub(crate) fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = unknown.chars().take(64).flat_map(char::to_lowercase).collect();
    let most = (wanted.len() / 3).max(1);
    known
        .map(|name| (distance(&wanted, name), name))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, name)| name)
}

/// The number of characters to insert, delete or replace to make one name of the other, ignoring case.
fn distance(wanted: &[char], name: &str) -> usize {
    let mut row: Vec<usize> = (0..=wanted.len()).collect();
    for (line, c) in name.chars().take(64).flat_map(char::to_lowercase).enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (at, w) in wanted.iter().enumerate() {
            let replaced = diagonal + usize::from(*w != c);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_a_stranger_is_not() {
        let known = || ["name", "phone", "createdAt"].into_iter();
        assert_eq!(nearest("nmae", known()), None);
        assert_eq!(nearest("nam", known()), Some("name"));
        assert_eq!(nearest("CREATEDAT", known()), Some("createdAt"));
        assert_eq!(nearest("revenue", known()), None);
    }
}
