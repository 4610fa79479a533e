use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::hmac;

/// How a secret is written, by the specification of Standard Webhooks.
const SECRET_PREFIX: &str = "whsec_";

/// Shortest and longest secret, bytes, by the specification.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What stands in the headers of a message: Standard Webhooks 1.0, symmetric signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub id: String,
    pub timestamp: String,
    pub signature: String,
}

/// Signs a body with HMAC-SHA256 over `id.timestamp.body`. A repeat of a message has the same id.
pub fn sign(secret: &[u8], id: String, at: Timestamp, body: &str) -> Signature {
    let timestamp = at.as_second().to_string();
    let signed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), format!("{id}.{timestamp}.{body}").as_bytes());
    Signature { id, timestamp, signature: format!("v1,{}", STANDARD.encode(signed.as_ref())) }
}

pub fn write_secret(secret: &[u8]) -> String {
    format!("{SECRET_PREFIX}{}", STANDARD.encode(secret))
}

/// Reads a secret.
///
/// # Errors
/// It is not `whsec_` with 24 to 64 bytes in base64.
pub fn read_secret(text: &str) -> Result<Vec<u8>, String> {
    let decoded = text.strip_prefix(SECRET_PREFIX).and_then(|rest| STANDARD.decode(rest).ok());
    let is_long_enough = |bytes: &Vec<u8>| SECRET_BYTES.contains(&bytes.len());
    // It is not repeated: it is secret.
    decoded.filter(is_long_enough).ok_or_else(|| "is not whsec_ with 24 to 64 bytes in base64".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_as_other_programs_sign_it() {
        let secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let signed = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek".into(), at, r#"{"test": 2432232314}"#);
        assert_eq!(signed.signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(read_secret(&write_secret(&secret)).unwrap(), secret);
        assert!(read_secret("whsec_c2hvcnQ=").is_err() && read_secret("secret").is_err());
    }
}
