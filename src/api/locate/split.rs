//! Cuts a body into records as its bytes arrive. Only the record at hand is held, and only up to a bound.

/// A record of a body, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut<'a> {
    Record(&'a [u8]),
    /// The record is longer than the bound; its bytes have been passed over.
    TooLong,
    /// The body ended within a quoted cell of the record.
    Open,
}

/// The body is not of the form it says it is; what follows cannot be told apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

/// Collects the bytes of one record up to a bound.
#[derive(Debug)]
struct Held {
    bytes: Vec<u8>,
    bytes_max: usize,
    is_too_long: bool,
}

impl Held {
    fn new(bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), bytes_max, is_too_long: false }
    }

    fn push(&mut self, byte: u8) {
        if self.bytes.len() < self.bytes_max {
            self.bytes.push(byte);
        } else {
            self.is_too_long = true;
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        let taken = bytes.len().min(self.bytes_max - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..taken]);
        self.is_too_long |= taken < bytes.len();
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn give(&mut self, take: &mut dyn FnMut(Cut<'_>)) {
        take(if self.is_too_long { Cut::TooLong } else { Cut::Record(&self.bytes) });
        self.bytes.clear();
        self.is_too_long = false;
    }
}

/// Cuts at line ends. Empty lines are passed over.
#[derive(Debug)]
pub struct LineSplitter(Held);

impl LineSplitter {
    pub fn new(bytes_max: usize) -> Self {
        Self(Held::new(bytes_max))
    }

    /// Takes bytes up to the end of a line, and returns how many those were.
    pub fn push_one(&mut self, bytes: &[u8], take: &mut dyn FnMut(Cut<'_>)) -> usize {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            self.0.extend(bytes);
            return bytes.len();
        };
        self.0.extend(&bytes[..end]);
        self.finish(take);
        end + 1
    }

    /// Whether a line begins here.
    pub fn is_at_start(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_short(&self, length: usize) -> bool {
        length <= self.0.bytes_max
    }

    /// Gives the last line, which may lack its end.
    pub fn finish(&mut self, take: &mut dyn FnMut(Cut<'_>)) {
        if self.0.bytes.iter().all(u8::is_ascii_whitespace) && !self.0.is_too_long {
            self.0.bytes.clear();
        } else {
            self.0.give(take);
        }
    }
}

/// Cuts a CSV body at the line ends that do not stand in quotes, RFC 4180.
#[derive(Debug)]
pub struct CsvSplitter {
    held: Held,
    is_quoted: bool,
    /// Whether a quote would open a quoted field here; inside a field it stands for itself.
    at_field_start: bool,
    /// Whether the byte before closed a quoted field; another quote would be an escaped one, and open it again.
    just_closed: bool,
}

impl CsvSplitter {
    pub fn new(bytes_max: usize) -> Self {
        Self { held: Held::new(bytes_max), is_quoted: false, at_field_start: true, just_closed: false }
    }

    /// Takes bytes up to the end of a row, and returns how many those were. Of `\r\n` the second byte ends an empty line, which is no row.
    pub fn push_one(&mut self, bytes: &[u8], take: &mut dyn FnMut(Cut<'_>)) -> usize {
        for (at, &byte) in bytes.iter().enumerate() {
            // A quote that never closes would swallow the rest of the body; past the bound a line end counts again.
            let ends = matches!(byte, b'\n' | b'\r') && (!self.is_quoted || self.held.is_too_long);
            if ends {
                self.end_row(take);
                return at + 1;
            }
            let just_closed = std::mem::take(&mut self.just_closed);
            if byte == b'"' && self.is_quoted {
                self.is_quoted = false;
                self.just_closed = true;
            } else if byte == b'"' && (self.at_field_start || just_closed) {
                self.is_quoted = true;
            }
            self.at_field_start = byte == b',' && !self.is_quoted;
            self.held.push(byte);
        }
        bytes.len()
    }

    /// Whether a row begins here.
    pub fn is_at_start(&self) -> bool {
        self.held.is_empty() && !self.is_quoted
    }

    pub fn is_short(&self, length: usize) -> bool {
        length <= self.held.bytes_max
    }

    /// Gives the last record, which may lack its line end.
    pub fn finish(&mut self, take: &mut dyn FnMut(Cut<'_>)) {
        if self.is_quoted && !self.held.is_too_long {
            // What the quote has swallowed may have been many rows.
            take(Cut::Open);
            self.held.bytes.clear();
        }
        self.end_row(take);
    }

    fn end_row(&mut self, take: &mut dyn FnMut(Cut<'_>)) {
        self.is_quoted = false;
        self.just_closed = false;
        self.at_field_start = true;
        if !self.held.is_empty() || self.held.is_too_long {
            self.held.give(take);
        }
    }
}

/// Follows the bytes of one JSON value to its end, without reading what it says.
#[derive(Clone, Copy, Debug, Default)]
struct ValueEnd {
    depth: usize,
    is_text: bool,
    is_escaped: bool,
    is_begun: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The byte belongs to the value, which goes on.
    Inside,
    /// The byte is the value's last.
    Last,
    /// The value ended before the byte.
    Past,
}

impl ValueEnd {
    fn step(&mut self, byte: u8) -> Step {
        if self.is_text {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => {
                    self.is_text = false;
                    return if self.depth == 0 { Step::Last } else { Step::Inside };
                }
                _ => {}
            }
            return Step::Inside;
        }
        let was_begun = std::mem::replace(&mut self.is_begun, true);
        match byte {
            b',' | b']' | b'}' if self.depth == 0 => Step::Past,
            byte if self.depth == 0 && was_begun && byte.is_ascii_whitespace() => Step::Past,
            b'"' => {
                self.is_text = true;
                Step::Inside
            }
            b'[' | b'{' => {
                self.depth += 1;
                Step::Inside
            }
            b']' | b'}' => {
                self.depth -= 1;
                if self.depth == 0 { Step::Last } else { Step::Inside }
            }
            _ => Step::Inside,
        }
    }
}

/// Cuts a JSON array into its elements.
#[derive(Debug)]
pub struct ArraySplitter {
    held: Held,
    place: ArrayPlace,
}

#[derive(Clone, Copy, Debug)]
enum ArrayPlace {
    /// The opening bracket has not come yet.
    Before,
    /// An element or, where none has come, the closing bracket is next.
    Element {
        is_first: bool,
    },
    Inside(ValueEnd),
    /// A comma or the closing bracket is next.
    Between,
    End,
}

impl ArraySplitter {
    pub fn new(bytes_max: usize) -> Self {
        Self { held: Held::new(bytes_max), place: ArrayPlace::Before }
    }

    pub fn is_begun(&self) -> bool {
        !matches!(self.place, ArrayPlace::Before)
    }

    pub fn is_ended(&self) -> bool {
        matches!(self.place, ArrayPlace::End)
    }

    /// Whether an element, and nothing else but white space, may begin here.
    pub fn is_at_start(&self) -> bool {
        matches!(self.place, ArrayPlace::Element { .. })
    }

    pub fn is_short(&self, length: usize) -> bool {
        length <= self.held.bytes_max
    }

    /// Notes that an element was read elsewhere, and whether a comma was behind it.
    pub fn pass(&mut self, has_comma: bool) {
        self.place = if has_comma { ArrayPlace::Element { is_first: false } } else { ArrayPlace::Between };
    }

    /// Takes bytes up to the end of an element or to where one may begin, and returns how many those were.
    ///
    /// # Errors
    /// Something stands where no element, comma or bracket can.
    pub fn push_one(&mut self, bytes: &[u8], take: &mut dyn FnMut(Cut<'_>)) -> Result<usize, Broken> {
        let mut is_given = false;
        for (at, &byte) in bytes.iter().enumerate() {
            if is_given || self.is_ended() || (at > 0 && self.is_at_start()) {
                return Ok(at);
            }
            self.step(byte, &mut |cut| {
                is_given = true;
                take(cut);
            })?;
        }
        Ok(bytes.len())
    }

    /// Takes bytes up to the end of the array, and returns how many those were.
    ///
    /// # Errors
    /// Something stands where no element, comma or bracket can.
    pub fn push(&mut self, bytes: &[u8], take: &mut dyn FnMut(Cut<'_>)) -> Result<usize, Broken> {
        for (at, &byte) in bytes.iter().enumerate() {
            if self.is_ended() {
                return Ok(at);
            }
            self.step(byte, take)?;
        }
        Ok(bytes.len())
    }

    fn step(&mut self, byte: u8, take: &mut dyn FnMut(Cut<'_>)) -> Result<(), Broken> {
        if let ArrayPlace::Inside(mut value) = self.place {
            let step = value.step(byte);
            self.place = ArrayPlace::Inside(value);
            if step != Step::Past {
                self.held.push(byte);
            }
            if step != Step::Inside {
                self.held.give(take);
                self.place = ArrayPlace::Between;
            }
            return if step == Step::Past { self.step(byte, take) } else { Ok(()) };
        }
        self.place = match (self.place, byte) {
            (place, byte) if byte.is_ascii_whitespace() => place,
            (ArrayPlace::Before, b'[') => ArrayPlace::Element { is_first: true },
            (ArrayPlace::Element { is_first: true } | ArrayPlace::Between, b']') => ArrayPlace::End,
            (ArrayPlace::Between, b',') => ArrayPlace::Element { is_first: false },
            (ArrayPlace::Element { .. }, byte) if !matches!(byte, b',' | b']' | b'}' | b':') => {
                self.place = ArrayPlace::Inside(ValueEnd::default());
                return self.step(byte, take);
            }
            (place, byte) => return Err(Broken(format!("{} stands where {} is expected", show(byte), place.expected()))),
        };
        Ok(())
    }

    /// Says what is missing where the body ends before the array does.
    ///
    /// # Errors
    /// The array has not ended.
    pub fn finish(&self) -> Result<(), Broken> {
        match self.place {
            ArrayPlace::End => Ok(()),
            place => Err(Broken(format!("the body ends where {} is expected", place.expected()))),
        }
    }
}

impl ArrayPlace {
    fn expected(self) -> &'static str {
        match self {
            Self::Before => "the [ of an array",
            Self::Element { .. } => "an element",
            Self::Inside(_) => "the rest of an element",
            Self::Between => ", or ]",
            Self::End => "nothing more",
        }
    }
}

/// Cuts a GeoJSON feature collection into its features, whatever other members it has.
#[derive(Debug)]
pub struct FeatureSplitter {
    place: ObjectPlace,
    key: Held,
    value: Held,
    features: ArraySplitter,
}

#[derive(Clone, Copy, Debug)]
enum ObjectPlace {
    Before,
    /// A key or, where no member has come, the closing brace is next.
    Key {
        is_first: bool,
    },
    InKey(ValueEnd),
    Colon,
    /// A value is next.
    Value,
    InValue(ValueEnd),
    Features,
    /// A comma or the closing brace is next.
    Between,
    End,
}

/// Longest key or type that is looked at; a longer one is not ours. Bytes.
const NAME_BYTES_MAX: usize = 64;

impl FeatureSplitter {
    pub fn new(bytes_max: usize) -> Self {
        Self {
            place: ObjectPlace::Before,
            key: Held::new(NAME_BYTES_MAX),
            value: Held::new(NAME_BYTES_MAX),
            features: ArraySplitter::new(bytes_max),
        }
    }

    /// Whether the features have begun to come.
    pub fn is_begun(&self) -> bool {
        self.features.is_begun()
    }

    /// Takes bytes.
    ///
    /// # Errors
    /// The body is no feature collection.
    pub fn push(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(Cut<'_>)) -> Result<(), Broken> {
        while let Some((&byte, rest)) = bytes.split_first() {
            if matches!(self.place, ObjectPlace::Features) {
                bytes = &bytes[self.features.push(bytes, take)?..];
                if self.features.is_ended() {
                    self.place = ObjectPlace::Between;
                }
                continue;
            }
            self.step(byte)?;
            bytes = rest;
        }
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<(), Broken> {
        match self.place {
            ObjectPlace::InKey(mut end) => {
                self.key.push(byte);
                self.place = if end.step(byte) == Step::Last { ObjectPlace::Colon } else { ObjectPlace::InKey(end) };
                Ok(())
            }
            ObjectPlace::InValue(mut end) => {
                let step = end.step(byte);
                self.place = ObjectPlace::InValue(end);
                if step != Step::Past {
                    self.value.push(byte);
                }
                if step != Step::Inside {
                    self.end_value()?;
                }
                if step == Step::Past { self.step(byte) } else { Ok(()) }
            }
            _ if byte.is_ascii_whitespace() => Ok(()),
            _ => self.step_between(byte),
        }
    }

    fn step_between(&mut self, byte: u8) -> Result<(), Broken> {
        self.place = match (self.place, byte) {
            (ObjectPlace::Before, b'{') => ObjectPlace::Key { is_first: true },
            (ObjectPlace::Key { .. }, b'"') => {
                self.key.bytes.clear();
                self.place = ObjectPlace::InKey(ValueEnd::default());
                return self.step(byte);
            }
            (ObjectPlace::Key { is_first: true } | ObjectPlace::Between, b'}') => ObjectPlace::End,
            (ObjectPlace::Between, b',') => ObjectPlace::Key { is_first: false },
            (ObjectPlace::Colon, b':') => ObjectPlace::Value,
            (ObjectPlace::Value, b'[') if self.key.bytes == b"\"features\"" && !self.features.is_begun() => {
                self.features.push(b"[", &mut |_| ())?;
                ObjectPlace::Features
            }
            (ObjectPlace::Value, _) if self.key.bytes == b"\"features\"" => {
                return Err(Broken("features is no array, or is given twice".into()));
            }
            (ObjectPlace::Value, byte) if !matches!(byte, b',' | b']' | b'}' | b':') => {
                self.value.bytes.clear();
                self.place = ObjectPlace::InValue(ValueEnd::default());
                return self.step(byte);
            }
            (_, byte) => return Err(Broken(format!("{} cannot stand where it does in a feature collection", show(byte)))),
        };
        Ok(())
    }

    fn end_value(&mut self) -> Result<(), Broken> {
        self.place = ObjectPlace::Between;
        if self.key.bytes == b"\"type\"" && self.value.bytes != b"\"FeatureCollection\"" {
            let given = String::from_utf8_lossy(&self.value.bytes).into_owned();
            return Err(Broken(format!("the type is {given}, not \"FeatureCollection\"")));
        }
        Ok(())
    }

    /// Says what is missing where the body ends too early.
    ///
    /// # Errors
    /// The collection has not ended, or had no features at all.
    pub fn finish(&self) -> Result<(), Broken> {
        match self.place {
            ObjectPlace::End if self.features.is_begun() => Ok(()),
            ObjectPlace::End => Err(Broken("the collection has no member features".into())),
            ObjectPlace::Features => self.features.finish(),
            _ => Err(Broken("the body ends before the feature collection does".into())),
        }
    }
}

fn show(byte: u8) -> String {
    if byte.is_ascii_graphic() { format!("{:?}", char::from(byte)) } else { format!("the byte {byte:#04x}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES_MAX: usize = 24;

    fn show_cut(cut: &Cut<'_>) -> String {
        match cut {
            Cut::Record(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Cut::TooLong => "too long".into(),
            Cut::Open => "open".into(),
        }
    }

    /// Cuts the body at every place where a packet may end.
    fn check(body: &str, expected: &[&str], cut: impl Fn(&[&[u8]], &mut dyn FnMut(Cut<'_>)) -> Result<(), Broken>) {
        for at in 0..=body.len() {
            let (head, tail) = body.as_bytes().split_at(at);
            let mut found = Vec::new();
            let result = cut(&[head, tail], &mut |piece| found.push(show_cut(&piece)));
            if let Err(broken) = result {
                found.push(format!("broken: {broken}"));
            }
            assert_eq!(found, expected, "{body:?} cut at {at}");
        }
    }

    fn push_all(mut bytes: &[u8], mut push_one: impl FnMut(&[u8]) -> usize) {
        while !bytes.is_empty() {
            bytes = &bytes[push_one(bytes)..];
        }
    }

    fn check_array(body: &str, expected: &[&str]) {
        check(body, expected, |parts, take| {
            let mut splitter = ArraySplitter::new(BYTES_MAX);
            parts.iter().try_for_each(|part| splitter.push(part, take).map(|_| ()))?;
            splitter.finish()
        });
    }

    #[test]
    fn an_array_is_cut_into_its_elements() {
        check_array("[]", &[]);
        check_array(r#" [ {"a":"],}\""} , [1,[2]],3 ,"x" ]"#, &[r#"{"a":"],}\""}"#, "[1,[2]]", "3", "\"x\""]);
        check_array(r#"[{"long":"0123456789012345678901234567890"},1]"#, &["too long", "1"]);
    }

    #[test]
    fn an_array_stops_wherever_an_element_may_begin() {
        let mut splitter = ArraySplitter::new(BYTES_MAX);
        let mut stops = Vec::new();
        push_all(b" [1,{},2]", |rest| {
            let taken = splitter.push_one(rest, &mut |_| ()).unwrap();
            stops.push((taken, splitter.is_at_start()));
            taken
        });
        assert_eq!(stops, [(2, true), (2, true), (2, false), (1, true), (2, false)]);
    }

    #[test]
    fn a_torn_array_says_where_it_is_torn() {
        check_array("[1,2", &["1", "broken: the body ends where the rest of an element is expected"]);
        check_array("[1,]", &["1", "broken: ']' stands where an element is expected"]);
        check_array("[1 2]", &["1", "broken: '2' stands where , or ] is expected"]);
        check_array("{}", &["broken: '{' stands where the [ of an array is expected"]);
        check_array("", &["broken: the body ends where the [ of an array is expected"]);
    }

    fn check_features(body: &str, expected: &[&str]) {
        check(body, expected, |parts, take| {
            let mut splitter = FeatureSplitter::new(BYTES_MAX);
            parts.iter().try_for_each(|part| splitter.push(part, take))?;
            splitter.finish()
        });
    }

    #[test]
    fn features_are_found_among_other_members() {
        check_features(r#"{"type":"FeatureCollection","features":[{"a":1},{"b":2}]}"#, &[r#"{"a":1}"#, r#"{"b":2}"#]);
        check_features(r#"{"x":{"features":[9]},"n":1.5,"features":[{"a":1}],"type":"FeatureCollection"}"#, &[r#"{"a":1}"#]);
        check_features(r#"{"type":"Feature"}"#, &["broken: the type is \"Feature\", not \"FeatureCollection\""]);
        check_features(r#"{"type":"FeatureCollection"}"#, &["broken: the collection has no member features"]);
        check_features(r#"{"features":[{"a":1}"#, &[r#"{"a":1}"#, "broken: the body ends where , or ] is expected"]);
        check_features("[1]", &["broken: '[' cannot stand where it does in a feature collection"]);
    }

    #[test]
    fn rows_end_at_line_ends_outside_quotes() {
        let cut = |parts: &[&[u8]], take: &mut dyn FnMut(Cut<'_>)| {
            let mut splitter = CsvSplitter::new(BYTES_MAX);
            parts.iter().for_each(|part| push_all(part, |rest| splitter.push_one(rest, take)));
            splitter.finish(take);
            Ok(())
        };
        check("a,b\n1,\"x\ny\"\"z\n\"\n\n2,3", &["a,b", "1,\"x\ny\"\"z\n\"", "2,3"], cut);
        check("5\" pipe,1\n2", &["5\" pipe,1", "2"], cut);
        check("5\"\" pipe,1\n2", &["5\"\" pipe,1", "2"], cut);
        check("1,\"never closed, and longer than the bound\n2,3\n", &["too long", "2,3"], cut);
        check("1,2\r3,4\r\n\r\n5,\"6\r7\"\r8\n\r9", &["1,2", "3,4", "5,\"6\r7\"", "8", "9"], cut);
        check("1,2\n3,\"4\n5,6\n", &["1,2", "open"], cut);
    }

    #[test]
    fn lines_may_lack_the_last_end() {
        let cut = |parts: &[&[u8]], take: &mut dyn FnMut(Cut<'_>)| {
            let mut splitter = LineSplitter::new(BYTES_MAX);
            parts.iter().for_each(|part| push_all(part, |rest| splitter.push_one(rest, take)));
            splitter.finish(take);
            Ok(())
        };
        check("{}\r\n\n  \n[1]", &["{}\r", "[1]"], cut);
        check("0123456789012345678901234567\n1\n", &["too long", "1"], cut);
    }
}
