//! Letters five cells high, large enough to be read across a desk. Data, no behaviour.

/// Rows of a letter.
pub(super) const ROWS: usize = 5;

/// Each letter's rows from the top; of each the left, middle and right dot as bits 4, 2 and 1.
static LETTERS: &[(char, [u8; ROWS])] = &[
    ('A', [2, 5, 7, 5, 5]),
    ('B', [6, 5, 6, 5, 6]),
    ('C', [3, 4, 4, 4, 3]),
    ('D', [6, 5, 5, 5, 6]),
    ('E', [7, 4, 6, 4, 7]),
    ('F', [7, 4, 6, 4, 4]),
    ('G', [3, 4, 5, 5, 3]),
    ('H', [5, 5, 7, 5, 5]),
    ('I', [7, 2, 2, 2, 7]),
    ('J', [1, 1, 1, 5, 2]),
    ('K', [5, 5, 6, 5, 5]),
    ('L', [4, 4, 4, 4, 7]),
    ('M', [5, 7, 7, 5, 5]),
    ('N', [6, 5, 5, 5, 5]),
    ('O', [2, 5, 5, 5, 2]),
    ('P', [6, 5, 6, 4, 4]),
    ('Q', [2, 5, 5, 6, 3]),
    ('R', [6, 5, 6, 5, 5]),
    ('S', [3, 4, 2, 1, 6]),
    ('T', [7, 2, 2, 2, 2]),
    ('U', [5, 5, 5, 5, 7]),
    ('V', [5, 5, 5, 5, 2]),
    ('W', [5, 5, 7, 7, 5]),
    ('X', [5, 5, 2, 5, 5]),
    ('Y', [5, 5, 2, 2, 2]),
    ('Z', [7, 1, 2, 4, 7]),
    ('0', [7, 5, 5, 5, 7]),
    ('1', [2, 6, 2, 2, 7]),
    ('2', [6, 1, 2, 4, 7]),
    ('3', [6, 1, 2, 1, 6]),
    ('4', [5, 5, 7, 1, 1]),
    ('5', [7, 4, 6, 1, 6]),
    ('6', [3, 4, 7, 5, 7]),
    ('7', [7, 1, 2, 2, 2]),
    ('8', [7, 5, 7, 5, 7]),
    ('9', [7, 5, 7, 1, 6]),
    ('-', [0, 0, 7, 0, 0]),
];

/// A word in large letters, row by row, within `width` cells: two cells a dot where there is room,
/// else one. `None` where it does not fit, or holds what is no letter here.
pub(super) fn large(word: &str, width: usize) -> Option<Vec<String>> {
    let letters: Option<Vec<&[u8; ROWS]>> = word
        .chars()
        .map(|wanted| {
            let mut table = LETTERS.iter();
            let found = table.find(|(letter, _)| letter.eq_ignore_ascii_case(&wanted));
            found.map(|(_, rows)| rows)
        })
        .collect();
    let letters = letters.filter(|letters| !letters.is_empty())?;
    let wide = |dot: usize| letters.len() * (3 * dot + dot) - dot;
    let dot = [2, 1].into_iter().find(|dot| wide(*dot) <= width)?;
    let row = |number: usize| {
        let letters = letters.iter().map(|rows| {
            let dots =
                [4, 2, 1].map(|bit| if rows[number] & bit == 0 { " " } else { "█" }.repeat(dot));
            dots.concat()
        });
        letters.collect::<Vec<_>>().join(&" ".repeat(dot))
    };
    Some((0..ROWS).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_nine_letters_fits_a_small_screen() {
        let rows = large("ABCD1234Z", 72).expect("fits");
        assert_eq!(rows.len(), ROWS);
        assert!(
            rows.iter().all(|row| row.chars().count() == 70),
            "{rows:#?}"
        );
        let narrow = large("ABCD1234Z", 40).expect("fits, smaller");
        assert!(narrow.iter().all(|row| row.chars().count() == 35));
        assert!(large("ABCD1234Z", 30).is_none());
        assert!(large("日本", 72).is_none() && large("", 72).is_none());
    }

    #[test]
    fn no_two_letters_look_alike() {
        for (index, (letter, rows)) in LETTERS.iter().enumerate() {
            let same = LETTERS[..index].iter().find(|(_, others)| others == rows);
            assert!(same.is_none(), "{letter} looks like {same:?}");
        }
    }
}
