/// A pattern of `LIKE`: `%` is any text, `_` any one character, and a backslash takes the meaning from the next.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Any,
    One,
    Exactly(char),
}

impl Pattern {
    pub fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            parts.push(match c {
                '%' if parts.last() == Some(&Part::Any) => continue,
                '%' => Part::Any,
                '_' => Part::One,
                // A backslash at the end escapes nothing and stands for itself.
                '\\' => Part::Exactly(chars.next().unwrap_or('\\')),
                c => Part::Exactly(c),
            });
        }
        Self(parts)
    }

    /// Returns the text with which everything begins that matches.
    pub fn prefix(&self) -> String {
        let letter = |part: &Part| if let Part::Exactly(c) = part { Some(*c) } else { None };
        self.0.iter().map_while(letter).collect()
    }

    /// Whether a text matches as a whole. Takes at most as many steps as the product of both lengths.
    pub fn matches(&self, text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        let (mut part, mut at) = (0, 0);
        // Where to go on when what stood behind the last `%` does not fit: one character further on.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match self.0.get(part) {
                Some(Part::Any) => {
                    retry = Some((part + 1, at));
                    part += 1;
                    continue;
                }
                Some(Part::One) if at < chars.len() => {}
                Some(Part::Exactly(c)) if chars.get(at) == Some(c) => {}
                None if at == chars.len() => return true,
                _ => match retry {
                    Some((after, from)) if from < chars.len() => {
                        (part, at) = (after, from + 1);
                        retry = Some((after, from + 1));
                        continue;
                    }
                    _ => return false,
                },
            }
            part += 1;
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_text() {
        for (pattern, text, expected) in [
            ("B_r%", "Bern", true),
            ("B_r%", "Br", false),
            ("", "", true),
            ("", "x", false),
            ("%", "", true),
            ("%a%b", "xaxxab", true),
            ("%a%b", "xaxxabc", false),
            (r"100\%", "100%", true),
            (r"100\%", "1000", false),
            (r"a\_b", "axb", false),
            (r"a\\", r"a\", true),
            (r"a\", r"a\", true),
            ("_", "网", true),
            ("%%__", "a", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_spiteful_pattern_ends_soon() {
        let pattern = Pattern::new(&"%a".repeat(2000));
        assert!(!pattern.matches(&("a".repeat(1999) + &"b".repeat(4000))));
    }
}
