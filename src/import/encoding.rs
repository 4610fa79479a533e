use encoding_rs::{Encoding, GB18030, GBK, UTF_8};

use super::error::ImportError;

/// Finds an encoding by the name a person, a `.cpg` or a table gives it: WHATWG labels, code page numbers, ESRI's names.
pub fn find_encoding(label: &str) -> Result<&'static Encoding, ImportError> {
    lookup(label).ok_or_else(|| ImportError::Encoding { label: label.to_owned() })
}

/// Chooses the encoding of a table: what was asked for, what the `.cpg` says, the DBF's language id,
/// UTF-8 where all texts are valid in it, else GB18030.
pub(super) fn choose_encoding<'a>(
    asked: Option<&'static Encoding>,
    cpg: Option<&str>,
    language_id: u8,
    texts: impl Iterator<Item = &'a [u8]>,
) -> &'static Encoding {
    asked.or_else(|| lookup(cpg?)).or_else(|| by_language_id(language_id)).unwrap_or_else(|| guess_encoding(texts))
}

/// Returns UTF-8 where every text is valid in it, else GB18030, which most Chinese files without a label are in.
pub fn guess_encoding<'a>(mut texts: impl Iterator<Item = &'a [u8]>) -> &'static Encoding {
    if texts.all(is_utf8_but_for_the_end) { UTF_8 } else { GB18030 }
}

/// Decodes a text of fixed width. A character that the width cut in two at the end is left out.
/// The flag says whether anything else could not be decoded.
pub(super) fn decode(encoding: &'static Encoding, bytes: &[u8]) -> (String, bool) {
    let (text, had_errors) = encoding.decode_without_bom_handling(bytes);
    let whole = text.trim_end_matches('\u{fffd}');
    let lost = had_errors && whole.contains('\u{fffd}');
    (whole.to_owned(), lost)
}

/// A label as its writers spell it, beyond what the WHATWG list knows.
fn lookup(label: &str) -> Option<&'static Encoding> {
    let label = label.trim().trim_matches('\0').to_ascii_lowercase();
    let number = ["cp", "ansi ", "windows-", "ms", ""].iter().find_map(|prefix| label.strip_prefix(prefix)?.parse::<u32>().ok());
    if let Some(encoding) = number.and_then(by_code_page) {
        return Some(encoding);
    }
    match label.replace(['-', '_', ' '], "").as_str() {
        // Every GB2312 and GBK text is GB18030 text; encoding_rs decodes all three alike.
        "gb18030" | "gb180302000" | "gb180302005" | "gb180302022" => Some(GB18030),
        "gb2312" | "gbk" | "cp936" | "euccn" => Some(GBK),
        "utf8" => Some(UTF_8),
        "latin1" | "88591" | "iso88591" => Some(encoding_rs::WINDOWS_1252),
        "88592" => Some(encoding_rs::ISO_8859_2),
        "885915" => Some(encoding_rs::ISO_8859_15),
        "big5" | "cp950" => Some(encoding_rs::BIG5),
        "oem" | "ansi" | "" => None,
        _ => Encoding::for_label(label.as_bytes()),
    }
}

fn by_code_page(number: u32) -> Option<&'static Encoding> {
    Some(match number {
        936 => GBK,
        54936 => GB18030,
        65001 => UTF_8,
        950 => encoding_rs::BIG5,
        932 => encoding_rs::SHIFT_JIS,
        949 => encoding_rs::EUC_KR,
        866 => encoding_rs::IBM866,
        874 => encoding_rs::WINDOWS_874,
        1250 => encoding_rs::WINDOWS_1250,
        1251 => encoding_rs::WINDOWS_1251,
        1252 | 28591 | 88591 => encoding_rs::WINDOWS_1252,
        1253 => encoding_rs::WINDOWS_1253,
        1254 => encoding_rs::WINDOWS_1254,
        1255 => encoding_rs::WINDOWS_1255,
        1256 => encoding_rs::WINDOWS_1256,
        1257 => encoding_rs::WINDOWS_1257,
        1258 => encoding_rs::WINDOWS_1258,
        _ => return None,
    })
}

/// The language ids of dBASE that name a code page we can decode. The DOS pages 437 and 850 are not among them:
/// programs write those ids without meaning them, so such a table goes by the rules that follow.
fn by_language_id(id: u8) -> Option<&'static Encoding> {
    let code_page = match id {
        0x4d | 0x7a => 936,
        0x4f | 0x78 => 950,
        0x13 | 0x7b => 932,
        0x4e | 0x79 => 949,
        0x26 | 0x65 => 866,
        0x50 | 0x7c => 874,
        0x03 | 0x57 | 0x58 | 0x59 => 1252,
        0xc8 => 1250,
        0xc9 => 1251,
        0xcb => 1253,
        0xca => 1254,
        0xcc => 1257,
        _ => return None,
    };
    by_code_page(code_page)
}

/// A field of fixed width may end in the middle of a character.
fn is_utf8_but_for_the_end(text: &[u8]) -> bool {
    match std::str::from_utf8(text) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_as_their_writers_spell_them() {
        for (label, name) in [
            ("936", "GBK"),
            ("GBK", "GBK"),
            ("cp936", "GBK"),
            ("GB2312", "GBK"),
            ("GB18030", "gb18030"),
            ("54936", "gb18030"),
            ("UTF-8", "UTF-8"),
            ("utf8\0", "UTF-8"),
            ("65001", "UTF-8"),
            ("ISO-8859-1", "windows-1252"),
            ("ISO 88591", "windows-1252"),
            ("ANSI 1252", "windows-1252"),
            ("Big5", "Big5"),
            ("koi8-r", "KOI8-R"),
        ] {
            assert_eq!(find_encoding(label).map(Encoding::name).ok(), Some(name), "{label}");
        }
        assert!(find_encoding("klingon").is_err());
    }

    #[test]
    fn the_choice_goes_from_the_person_to_the_guess() {
        let (gbk, utf8): (&[u8], &[u8]) = (b"\xcd\xf8\xb8\xf1", "网格".as_bytes());
        let choose = |asked, cpg, id, text| choose_encoding(asked, cpg, id, std::iter::once(text)).name();
        assert_eq!(choose(Some(UTF_8), Some("GBK"), 0x4d, gbk), "UTF-8");
        assert_eq!(choose(None, Some("UTF-8"), 0x4d, gbk), "UTF-8");
        assert_eq!(choose(None, None, 0x4d, utf8), "GBK");
        assert_eq!(choose(None, Some("no such page"), 0, utf8), "UTF-8");
        assert_eq!(choose(None, None, 0, gbk), "gb18030");
        assert_eq!(choose(None, None, 1, &utf8[..5]), "UTF-8", "cut in the second character");
    }

    #[test]
    fn a_character_cut_by_the_width_is_left_out_and_nothing_else() {
        assert_eq!(decode(GBK, b"\xcd\xf8\xb8"), ("网".to_owned(), false));
        assert_eq!(decode(UTF_8, &"网格".as_bytes()[..4]), ("网".to_owned(), false));
        assert!(decode(UTF_8, b"a\xffb").1);
    }
}
