use super::error::{FilterError, Place};

/// A word, value or sign of a filter in text, with the character it begins at, counted from 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub at: usize,
    pub kind: TokenKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    /// A name, or a word of the language.
    Word(String),
    /// A name in double quotes, which is never a word of the language.
    Quoted(String),
    Number(String),
    Text(String),
    /// One of `( ) , = <> < <= > >= + - * / % ^`.
    Sign(&'static str),
    End,
}

impl TokenKind {
    /// Says what stands there, for a message.
    pub fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("{word:?}"),
            Self::Quoted(name) => format!("the name {name:?}"),
            Self::Number(number) => format!("the number {number}"),
            Self::Text(text) => format!("the text '{text}'"),
            Self::Sign(sign) => format!("{sign:?}"),
            Self::End => "the end".into(),
        }
    }
}

/// Signs, the longer first.
const SIGNS: [&str; 15] = ["<>", "<=", ">=", "(", ")", ",", "=", "<", ">", "+", "-", "*", "/", "%", "^"];

/// Cuts a filter into tokens, the last of which is the end.
pub(super) fn tokenize(text: &str) -> Result<Vec<Token>, FilterError> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let start = at;
        let kind = match chars[at] {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '\'' => TokenKind::Text(take_quoted(&chars, &mut at, '\'')?),
            '"' => match take_quoted(&chars, &mut at, '"')? {
                name if name.is_empty() => {
                    return Err(FilterError::new(&Place::Character(start + 1), "the name is empty", "name a property"));
                }
                name => TokenKind::Quoted(name),
            },
            c if c.is_ascii_digit() || (c == '.' && chars.get(at + 1).is_some_and(char::is_ascii_digit)) => take_number(&chars, &mut at),
            c if starts_name(c) => {
                while chars.get(at).is_some_and(|c| continues_name(*c)) {
                    at += 1;
                }
                TokenKind::Word(chars[start..at].iter().collect())
            }
            c => {
                let fits = |sign: &&&str| sign.chars().enumerate().all(|(offset, c)| chars.get(at + offset) == Some(&c));
                let sign = SIGNS.iter().find(fits).ok_or_else(|| {
                    let remedy = "names with other than letters, digits, _ : and . stand in double quotes, texts in single quotes";
                    FilterError::new(&Place::Character(at + 1), format!("{c:?} has no meaning here"), remedy)
                })?;
                at += sign.len();
                TokenKind::Sign(sign)
            }
        };
        tokens.push(Token { at: start + 1, kind });
    }
    tokens.push(Token { at: chars.len() + 1, kind: TokenKind::End });
    Ok(tokens)
}

/// Reads up to the closing quote; two quotes stand for one, and so does a backslash before a single one.
fn take_quoted(chars: &[char], at: &mut usize, quote: char) -> Result<String, FilterError> {
    let start = *at;
    let mut taken = String::new();
    *at += 1;
    while let Some(&c) = chars.get(*at) {
        let next = chars.get(*at + 1);
        if c == quote && next != Some(&quote) {
            *at += 1;
            return Ok(taken);
        }
        let is_escaped = next == Some(&quote) && (c == quote || (c == '\\' && quote == '\''));
        taken.push(if is_escaped { quote } else { c });
        *at += if is_escaped { 2 } else { 1 };
    }
    let detail = format!("the quote {quote} is not closed");
    Err(FilterError::new(&Place::Character(start + 1), detail, format!("close it; inside, write {quote}{quote} for {quote}")))
}

fn take_number(chars: &[char], at: &mut usize) -> TokenKind {
    let start = *at;
    let digits = |at: &mut usize| {
        while chars.get(*at).is_some_and(char::is_ascii_digit) {
            *at += 1;
        }
    };
    digits(at);
    if chars.get(*at) == Some(&'.') {
        *at += 1;
        digits(at);
    }
    if matches!(chars.get(*at), Some('e' | 'E')) {
        let sign = usize::from(matches!(chars.get(*at + 1), Some('+' | '-')));
        if chars.get(*at + 1 + sign).is_some_and(char::is_ascii_digit) {
            *at += 1 + sign;
            digits(at);
        }
    }
    TokenKind::Number(chars[start..*at].iter().collect())
}

fn starts_name(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == ':'
}

fn continues_name(c: char) -> bool {
    starts_name(c) || c.is_numeric() || c == '.'
}
