use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// What is disregarded when texts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    Case,
    Accents,
}

impl Fold {
    pub fn apply(self, text: &str) -> String {
        match self {
            // Up and down again, letter by letter: ß and SS, σ and ς become the same.
            Self::Case => text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect(),
            Self::Accents => text.nfd().filter(|c| !is_combining_mark(*c)).nfc().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_accents_are_folded_as_unicode_has_them() {
        for (a, b) in [("STRASSE", "straße"), ("ΣΊΣΥΦΟΣ", "Σίσυφος"), ("Ⅷ", "ⅷ"), ("网格", "网格")] {
            assert_eq!(Fold::Case.apply(a), Fold::Case.apply(b));
        }
        assert_eq!(Fold::Accents.apply("Chișinău São Tomé"), "Chisinau Sao Tome");
        assert_eq!(Fold::Accents.apply("e\u{301}"), Fold::Accents.apply("é"));
        assert_eq!(Fold::Accents.apply("네트워크"), "네트워크");
    }
}
