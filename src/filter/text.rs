use super::calls;
use super::error::{FilterError, Place, check_depth, check_length};
use super::lexer::{Token, TokenKind, tokenize};
use super::literal::{parse_date, parse_instant};
use super::syntax::{Comparison, Node, NodeKind, Operator};
use super::wkt;

/// Reads a filter of CQL2 text, OGC 21-065r2, annex B.
///
/// # Errors
/// Says at which character it is wrong, or that it is too long or nested too deep.
pub fn parse_text(filter: &str) -> Result<Node, FilterError> {
    check_length(filter, &Place::Character(1))?;
    let mut parser = Parser { tokens: tokenize(filter)?, next: 0, depth: 0 };
    let node = parser.expression()?;
    match parser.peek() {
        TokenKind::End => Ok(node),
        other => Err(parser.error(format!("{} follows a filter that is complete", other.describe()), "join the two by AND or OR")),
    }
}

/// What is left to read, and how deep it lies.
pub(super) struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn expression(&mut self) -> Result<Node, FilterError> {
        self.joined("OR", NodeKind::Or, |parser| parser.joined("AND", NodeKind::And, Self::negation))
    }

    /// Reads parts with one word between them, as one list.
    fn joined(
        &mut self,
        word: &str,
        make: fn(Vec<Node>) -> NodeKind,
        part: impl Fn(&mut Self) -> Result<Node, FilterError>,
    ) -> Result<Node, FilterError> {
        let place = self.place();
        let first = part(self)?;
        if !self.is_word(word) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take_word(word) {
            parts.push(part(self)?);
        }
        Ok(Node::new(place, make(parts)))
    }

    fn negation(&mut self) -> Result<Node, FilterError> {
        let place = self.place();
        if !self.take_word("NOT") {
            return self.predicate();
        }
        self.deeper(|parser| Ok(Node::new(place, NodeKind::Not(Box::new(parser.negation()?)))))
    }

    fn predicate(&mut self) -> Result<Node, FilterError> {
        let place = self.place();
        let left = self.sum()?;
        if let Some(comparison) = self.take_comparison() {
            let right = self.sum()?;
            return Ok(Node::new(place, NodeKind::Compare(comparison, Box::new([left, right]))));
        }
        if self.take_word("IS") {
            let is_not = self.take_word("NOT");
            self.expect_word("NULL", "write IS NULL or IS NOT NULL")?;
            return Ok(negate_if(is_not, place.clone(), Node::new(place, NodeKind::IsNull(Box::new(left)))));
        }
        let is_not = self.take_word("NOT");
        let kind = if self.take_word("LIKE") {
            NodeKind::Like(Box::new([left, self.sum()?]))
        } else if self.take_word("BETWEEN") {
            let low = self.sum()?;
            self.expect_word("AND", "write BETWEEN low AND high")?;
            NodeKind::Between(Box::new([left, low, self.sum()?]))
        } else if self.take_word("IN") {
            self.expect_sign("(")?;
            let list = self.list(Self::sum)?;
            NodeKind::In(Box::new(left), list)
        } else if is_not {
            let found = self.peek().describe();
            return Err(self.error(format!("{found} follows NOT"), "LIKE, BETWEEN or IN may follow it"));
        } else {
            return Ok(left);
        };
        Ok(negate_if(is_not, place.clone(), Node::new(place, kind)))
    }

    fn sum(&mut self) -> Result<Node, FilterError> {
        self.chain(&[("+", Operator::Add), ("-", Operator::Subtract)], |parser| {
            let ranks = [("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Modulo), ("DIV", Operator::WholeDivide)];
            parser.chain(&ranks, |parser| parser.chain(&[("^", Operator::Power)], Self::factor))
        })
    }

    /// Reads operands of one rank with its operators between them.
    fn chain(
        &mut self,
        operators: &[(&str, Operator)],
        part: impl Fn(&mut Self) -> Result<Node, FilterError>,
    ) -> Result<Node, FilterError> {
        let place = self.place();
        let first = part(self)?;
        let mut rest = Vec::new();
        while let Some((_, operator)) = operators.iter().find(|(sign, _)| self.is_sign(sign) || self.is_word(sign)) {
            self.next += 1;
            rest.push((*operator, part(self)?));
        }
        if rest.is_empty() { Ok(first) } else { Ok(Node::new(place, NodeKind::Chain(Box::new(first), rest))) }
    }

    fn factor(&mut self) -> Result<Node, FilterError> {
        let place = self.place();
        if self.take_sign("+") {
            return self.deeper(Self::factor);
        }
        if !self.take_sign("-") {
            return self.operand();
        }
        let operand = self.deeper(Self::factor)?;
        let kind = match operand.kind {
            NodeKind::Integer(number) => number.checked_neg().map_or(NodeKind::Number(9_223_372_036_854_775_808.0), NodeKind::Integer),
            NodeKind::Number(number) => NodeKind::Number(-number),
            _ => NodeKind::Negate(Box::new(operand)),
        };
        Ok(Node::new(place, kind))
    }

    fn operand(&mut self) -> Result<Node, FilterError> {
        let place = self.place();
        let token = self.peek().clone();
        let kind = match token {
            TokenKind::Sign("(") => {
                self.next += 1;
                return self.bracket(&place);
            }
            TokenKind::Quoted(name) => {
                self.next += 1;
                NodeKind::Property(name)
            }
            TokenKind::Text(text) => {
                self.next += 1;
                NodeKind::Text(text)
            }
            TokenKind::Number(number) => {
                self.next += 1;
                to_number(&number).ok_or_else(|| FilterError::new(&place, format!("{number} is too large"), "write a smaller number"))?
            }
            TokenKind::Word(word) => return self.word(&word, place),
            other => {
                let detail = format!("{} stands where a value should", other.describe());
                return Err(self.error(detail, "a property, a number, a text in single quotes, a function or a bracket may stand here"));
            }
        };
        Ok(Node::new(place, kind))
    }

    fn word(&mut self, word: &str, place: Place) -> Result<Node, FilterError> {
        if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(word)) {
            let remedy = "put a property of this name into double quotes";
            return Err(FilterError::new(&place, format!("the word {word} stands where a value should"), remedy));
        }
        self.next += 1;
        let truth = [("TRUE", true), ("FALSE", false)].into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        if let Some((_, truth)) = truth {
            return Ok(Node::new(place, NodeKind::Boolean(truth)));
        }
        if wkt::is_tag(word) && (self.is_sign("(") || self.is_word("Z") || self.is_word("M") || self.is_word("ZM") || self.is_word("EMPTY"))
        {
            let geometry = self.deeper(|parser| wkt::read(parser, word))?;
            return Ok(Node::new(place, NodeKind::Geometry(geometry)));
        }
        if !self.take_sign("(") {
            return Ok(Node::new(place, NodeKind::Property(word.to_owned())));
        }
        let name = word.to_ascii_lowercase();
        let kind = self.deeper(|parser| match name.as_str() {
            "date" | "timestamp" => parser.moment(&name),
            "interval" => parser.interval(),
            "bbox" => parser.bbox(),
            _ if calls::takes_arrays(&name) => Ok(NodeKind::Call(name.clone(), parser.list(Self::array_or_value)?)),
            _ => Ok(NodeKind::Call(name.clone(), parser.list(Self::expression)?)),
        })?;
        Ok(Node::new(place, kind))
    }

    /// Reads what stands in brackets: a part of the filter, or an array of several.
    fn bracket(&mut self, place: &Place) -> Result<Node, FilterError> {
        self.deeper(|parser| {
            let mut list = parser.list(Self::expression)?;
            match list.len() {
                1 => Ok(list.remove(0)),
                _ => Ok(Node::new(place.clone(), NodeKind::Array(list))),
            }
        })
    }

    /// Reads an argument that may be an array, in which brackets around one value are an array of it.
    fn array_or_value(&mut self) -> Result<Node, FilterError> {
        let place = self.place();
        if !self.take_sign("(") {
            return self.expression();
        }
        self.deeper(|parser| Ok(Node::new(place, NodeKind::Array(parser.list(Self::array_or_value)?))))
    }

    /// Reads values with commas between them up to the closing bracket.
    fn list(&mut self, item: impl Fn(&mut Self) -> Result<Node, FilterError>) -> Result<Vec<Node>, FilterError> {
        let mut list = Vec::new();
        if self.take_sign(")") {
            return Ok(list);
        }
        loop {
            list.push(item(self)?);
            if self.take_sign(")") {
                return Ok(list);
            }
            self.expect_sign(",")?;
        }
    }

    fn moment(&mut self, function: &str) -> Result<NodeKind, FilterError> {
        let place = self.place();
        let TokenKind::Text(text) = self.peek().clone() else {
            return Err(self.error(format!("{} is given to {}", self.peek().describe(), function.to_ascii_uppercase()), MOMENT_FORM));
        };
        self.next += 1;
        self.expect_sign(")")?;
        let kind = if function == "date" { parse_date(&text).map(NodeKind::Date) } else { parse_instant(&text).map(NodeKind::Instant) };
        kind.ok_or_else(|| FilterError::new(&place, format!("'{text}' is no {function}"), MOMENT_FORM))
    }

    fn interval(&mut self) -> Result<NodeKind, FilterError> {
        let ends = self.list(|parser| {
            let place = parser.place();
            let TokenKind::Text(text) = parser.peek().clone() else { return parser.expression() };
            parser.next += 1;
            calls::interval_end(&text, &place)
        })?;
        let count = ends.len();
        let ends: [Node; 2] = ends.try_into().map_err(|_| calls::wrong_count(&self.place_before(), "interval", count, 2))?;
        Ok(NodeKind::Interval(Box::new(ends)))
    }

    fn bbox(&mut self) -> Result<NodeKind, FilterError> {
        let place = self.place_before();
        let mut numbers = vec![self.signed_number()?];
        while self.take_sign(",") {
            numbers.push(self.signed_number()?);
        }
        self.expect_sign(")")?;
        calls::bbox(&numbers, &place)
    }

    /// Reads a number with its sign, of a geometry.
    pub fn signed_number(&mut self) -> Result<f64, FilterError> {
        let sign = if self.take_sign("-") { -1.0 } else { 1.0 };
        if sign > 0.0 {
            self.take_sign("+");
        }
        let number = match self.peek() {
            TokenKind::Number(number) => number.parse::<f64>().ok().filter(|number| number.is_finite()),
            _ => None,
        };
        let number = number.ok_or_else(|| self.error(format!("{} is no coordinate", self.peek().describe()), "write a decimal number"))?;
        self.next += 1;
        Ok(sign * number)
    }

    /// Reads on one step deeper, if that is not too deep.
    pub fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, FilterError>) -> Result<T, FilterError> {
        self.depth += 1;
        check_depth(self.depth, &self.place())?;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn take_comparison(&mut self) -> Option<Comparison> {
        let all = [
            ("=", Comparison::Equal),
            ("<>", Comparison::NotEqual),
            ("<", Comparison::Less),
            ("<=", Comparison::LessOrEqual),
            (">", Comparison::Greater),
            (">=", Comparison::GreaterOrEqual),
        ];
        all.into_iter().find(|(sign, _)| self.take_sign(sign)).map(|(_, comparison)| comparison)
    }

    pub fn peek(&self) -> &TokenKind {
        &self.tokens[self.next.min(self.tokens.len() - 1)].kind
    }

    pub fn place(&self) -> Place {
        Place::Character(self.tokens[self.next.min(self.tokens.len() - 1)].at)
    }

    fn place_before(&self) -> Place {
        Place::Character(self.tokens[self.next.saturating_sub(1).min(self.tokens.len() - 1)].at)
    }

    pub fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), TokenKind::Word(found) if found.eq_ignore_ascii_case(word))
    }

    pub fn take_word(&mut self, word: &str) -> bool {
        let is_there = self.is_word(word);
        self.next += usize::from(is_there);
        is_there
    }

    fn expect_word(&mut self, word: &str, remedy: &str) -> Result<(), FilterError> {
        let found = self.peek().describe();
        if self.take_word(word) { Ok(()) } else { Err(self.error(format!("{found} stands where {word} should"), remedy)) }
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), TokenKind::Sign(found) if *found == sign)
    }

    pub fn take_sign(&mut self, sign: &str) -> bool {
        let is_there = self.is_sign(sign);
        self.next += usize::from(is_there);
        is_there
    }

    pub fn expect_sign(&mut self, sign: &str) -> Result<(), FilterError> {
        let found = self.peek().describe();
        let remedy = if sign == "," { "lists have commas between their values and end in )" } else { "put it there" };
        if self.take_sign(sign) { Ok(()) } else { Err(self.error(format!("{found} stands where {sign:?} should"), remedy)) }
    }

    pub fn error(&self, detail: impl Into<String>, remedy: &str) -> FilterError {
        FilterError::new(&self.place(), detail, remedy)
    }
}

/// Words of the language that no property has for a name unless quoted.
const RESERVED: [&str; 9] = ["AND", "OR", "NOT", "LIKE", "BETWEEN", "IN", "IS", "NULL", "DIV"];

const MOMENT_FORM: &str = "write DATE('2026-01-31') or TIMESTAMP('2026-01-31T08:00:00Z')";

fn negate_if(is_not: bool, place: Place, node: Node) -> Node {
    if is_not { Node::new(place, NodeKind::Not(Box::new(node))) } else { node }
}

/// A number without a fraction or an exponent is whole, as long as it fits.
fn to_number(text: &str) -> Option<NodeKind> {
    let whole = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let number = || text.parse::<f64>().ok().filter(|number| number.is_finite()).map(NodeKind::Number);
    whole.map(NodeKind::Integer).or_else(number)
}
