//! Tokens of a small issuer with real keys, which serves its description and its keys over HTTP as any issuer does.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use gridkeeper::config::{Config, OidcConfig};
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::service::{SECRETS, Service, code_of, middle_of};

/// What an issuer signs with.
enum Signer {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    fn rsa(number: u32) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/integration/api/keys/rsa-{number}.pem"));
        let key = PrivatePkcs8KeyDer::from_pem_file(path).unwrap();
        Self::Rsa(RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap())
    }

    fn ec() -> Self {
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        Self::Ec(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &SystemRandom::new()).unwrap())
    }

    fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap().as_ref()).unwrap())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
            Self::Ed(_) => "EdDSA",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
            Self::Ec(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    /// The public half, as the issuer publishes it.
    fn jwk(&self, id: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": base64url(&n), "e": base64url(&e) })
            }
            Self::Ec(key) => {
                let point = &key.public_key().as_ref()[1..];
                json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": id, "x": base64url(&point[..32]), "y": base64url(&point[32..]) })
            }
            Self::Ed(key) => json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": base64url(key.public_key().as_ref()) }),
        }
    }

    fn token(&self, id: &str, claims: &Value) -> String {
        self.token_with(&json!({ "typ": "JWT", "alg": self.algorithm(), "kid": id }), claims)
    }

    fn token_with(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
        format!("{message}.{}", base64url(&self.sign(message.as_bytes())))
    }
}

/// RFC 4648, section 5, without padding.
fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        text.extend((0..=chunk.len()).map(|place| char::from(DIGITS[(word >> (18 - 6 * place)) as usize & 63])));
    }
    text
}

#[derive(Default)]
struct Published {
    keys: Vec<Value>,
    is_away: bool,
    key_requests: usize,
}

struct Issuer {
    address: SocketAddr,
    published: Arc<Mutex<Published>>,
}

impl Issuer {
    fn start(keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let published = Arc::new(Mutex::new(Published { keys, ..Published::default() }));
        let shared = Arc::clone(&published);
        std::thread::spawn(move || listener.incoming().for_each(|stream| answer(stream.unwrap(), address, &shared)));
        Self { address, published }
    }

    fn name(&self) -> String {
        format!("http://{}/realms/city", self.address)
    }

    fn claims(&self, more: &Value) -> Value {
        let mut claims = json!({ "iss": self.name(), "aud": "gridkeeper", "sub": "u-17", "exp": now() + 300, "roles": ["dispatcher"] });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    }

    fn key_requests(&self) -> usize {
        self.published.lock().unwrap().key_requests
    }

    fn service(&self, change: impl FnOnce(&mut OidcConfig)) -> Service {
        let mut oidc =
            OidcConfig { issuer: Some(self.name()), audiences: vec!["gridkeeper".into()], refresh_pause_s: 0, ..OidcConfig::default() };
        change(&mut oidc);
        Service::start_with(Config { oidc, ..Config::default() })
    }
}

fn answer(mut stream: TcpStream, address: SocketAddr, published: &Mutex<Published>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let asked = lines.next().unwrap_or_default();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let mut published = published.lock().unwrap();
    let name = format!("http://{address}/realms/city");
    let (status, body) = match asked.split(' ').nth(1) {
        _ if published.is_away => ("503 Service Unavailable", json!({})),
        Some("/realms/city/.well-known/openid-configuration") => ("200 OK", json!({ "issuer": name, "jwks_uri": format!("{name}/keys") })),
        Some("/realms/city/keys") => {
            published.key_requests += 1;
            ("200 OK", json!({ "keys": published.keys }))
        }
        _ => ("404 Not Found", json!({})),
    };
    let body = body.to_string();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    drop(stream.write_all((head + &body).as_bytes()));
}

fn now() -> i64 {
    Timestamp::now().as_second()
}

/// The status of a lookup with a token, and whether it names the keeper.
fn ask(service: &Service, token: &str) -> (u16, bool) {
    let (lon, lat) = middle_of(0, 0);
    let response = service.get(&format!("/v1/locate?lon={lon}&lat={lat}")).bearer_auth(token).send().unwrap();
    (response.status().as_u16(), response.text().unwrap().contains(SECRETS[0]))
}

#[test]
fn signatures_of_every_kind_that_is_configured_open_the_service() {
    let signers = [("a", Signer::rsa(1)), ("b", Signer::ec()), ("c", Signer::ed())];
    let issuer = Issuer::start(signers.iter().map(|(id, signer)| signer.jwk(id)).collect());
    let service = issuer.service(|oidc| oidc.algorithms.push("EdDSA".into()));
    for (id, signer) in &signers {
        assert_eq!(ask(&service, &signer.token(id, &issuer.claims(&json!({})))), (200, true), "{id}");
    }
    assert_eq!(issuer.key_requests(), 1, "keys are fetched once");
    // One that is not configured is not taken, though the issuer has its key.
    let narrow = issuer.service(|_| {});
    assert_eq!(ask(&narrow, &signers[2].1.token("c", &issuer.claims(&json!({})))), (401, false));
}

#[test]
fn forged_and_foreign_tokens_are_401_and_never_public() {
    let (ours, theirs) = (Signer::rsa(1), Signer::rsa(2));
    let issuer = Issuer::start(vec![ours.jwk("a"), json!({ "kty": "oct", "kid": "s", "k": base64url(b"secret"), "alg": "HS256" })]);
    let service = issuer.service(|_| {});
    let claims = issuer.claims(&json!({}));
    let good = ours.token("a", &claims);
    assert_eq!(ask(&service, &good), (200, true));
    let head = |algorithm: &str| json!({ "alg": algorithm, "kid": "a" });
    let unsigned = format!("{}.{}.", base64url(head("none").to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
    let with = |more: Value| ours.token("a", &issuer.claims(&more));
    let mut without_end = claims.clone();
    without_end.as_object_mut().unwrap().remove("exp");
    for (what, token) in [
        ("signed by another", theirs.token("a", &claims)),
        ("of an unknown key", ours.token("z", &claims)),
        ("of no algorithm", unsigned),
        ("with the public key as a secret", hs256(&ours, &head("HS256"), &claims)),
        ("with a published secret", hs256_of(b"secret", &json!({ "alg": "HS256", "kid": "s" }), &claims)),
        ("with another algorithm than the key's", ours.token_with(&head("RS512"), &claims)),
        ("changed", format!("{}x.{}", &good[..good.find('.').unwrap()], &good[good.find('.').unwrap() + 1..])),
        ("of another issuer", with(json!({ "iss": "http://127.0.0.1:1/realms/city" }))),
        ("for another service", with(json!({ "aud": ["shop", "forum"] }))),
        ("expired", with(json!({ "exp": now() - 300 }))),
        ("not valid yet", with(json!({ "nbf": now() + 300 }))),
        ("with an end that is no time", with(json!({ "exp": "tomorrow" }))),
        ("with a beginning that is no time", with(json!({ "nbf": "now" }))),
        ("without an end", ours.token("a", &without_end)),
        ("of nobody", with(json!({ "sub": "" }))),
        ("that is none", "a.b.c".into()),
        ("too long", ours.token("a", &issuer.claims(&json!({ "more": "x".repeat(20_000) })))),
    ] {
        assert_eq!(ask(&service, &token), (401, false), "{what}");
    }
    // Clocks may differ a little.
    assert_eq!(ask(&service, &with(json!({ "exp": now() - 20, "aud": ["shop", "gridkeeper"] }))), (200, true));
}

/// Signs as if the public key were a secret that both know.
fn hs256(signer: &Signer, header: &Value, claims: &Value) -> String {
    hs256_of(signer.jwk("a")["n"].as_str().unwrap().as_bytes(), header, claims)
}

fn hs256_of(secret: &[u8], header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    format!("{message}.{}", base64url(ring::hmac::sign(&key, message.as_bytes()).as_ref()))
}

#[test]
fn a_change_of_keys_is_followed_and_a_key_taken_back_opens_nothing() {
    let (old, new) = (Signer::rsa(1), Signer::ec());
    let issuer = Issuer::start(vec![old.jwk("2025")]);
    let service = issuer.service(|_| {});
    assert_eq!(ask(&service, &old.token("2025", &issuer.claims(&json!({})))), (200, true));
    issuer.published.lock().unwrap().keys = vec![old.jwk("2025"), new.jwk("2026")];
    assert_eq!(ask(&service, &new.token("2026", &issuer.claims(&json!({})))), (200, true));
    assert_eq!(ask(&service, &old.token("2025", &issuer.claims(&json!({ "sub": "u-18" })))), (200, true));
    assert_eq!(issuer.key_requests(), 2);
    // The issuer takes the old key back; a token of a key that nobody knows makes the service look.
    issuer.published.lock().unwrap().keys = vec![new.jwk("2026")];
    assert_eq!(ask(&service, &new.token("2027", &issuer.claims(&json!({})))), (401, false));
    assert_eq!(ask(&service, &old.token("2025", &issuer.claims(&json!({ "sub": "u-19" })))), (401, false));
}

#[test]
fn made_up_keys_do_not_make_the_service_ask_again_and_again() {
    let ours = Signer::rsa(1);
    let issuer = Issuer::start(vec![ours.jwk("a")]);
    let service = issuer.service(|oidc| oidc.refresh_pause_s = 3_600);
    assert_eq!(ask(&service, &ours.token("a", &issuer.claims(&json!({})))), (200, true));
    for made_up in 0..20 {
        assert_eq!(ask(&service, &ours.token(&format!("k{made_up}"), &issuer.claims(&json!({})))), (401, false));
    }
    assert_eq!(issuer.key_requests(), 1);
}

#[test]
fn keys_stay_in_use_while_the_issuer_is_away() {
    let ours = Signer::rsa(1);
    let issuer = Issuer::start(vec![ours.jwk("a")]);
    let service = issuer.service(|oidc| (oidc.refresh_s, oidc.refresh_pause_s) = (0, 0));
    assert_eq!(ask(&service, &ours.token("a", &issuer.claims(&json!({})))), (200, true));
    issuer.published.lock().unwrap().is_away = true;
    assert_eq!(ask(&service, &ours.token("a", &issuer.claims(&json!({ "sub": "u-2" })))), (200, true));
    // A service that has never had them says so, and the fault is not the caller's.
    let late = issuer.service(|_| {});
    assert_eq!(ask(&late, &ours.token("a", &issuer.claims(&json!({})))), (503, false));
    assert_eq!(ask(&late, super::service::DISPATCHER), (200, true));
}

#[test]
fn what_a_token_grants_is_read_from_the_claims_that_the_settings_name() {
    let ours = Signer::rsa(1);
    let issuer = Issuer::start(vec![ours.jwk("a")]);
    let service = issuer.service(|oidc| {
        oidc.role_claim = "realm_access.roles".into();
        oidc.roles = [("desk".to_owned(), "dispatcher".to_owned()), ("boss".to_owned(), "admin".to_owned())].into();
        oidc.scope_claim = Some("units".into());
    });
    let token = |roles: &[&str], units: Value| {
        ours.token("a", &issuer.claims(&json!({ "realm_access": { "roles": roles }, "units": units, "sub": format!("{roles:?}{units}") })))
    };
    assert_eq!(ask(&service, &token(&["desk"], json!("*"))), (200, true));
    assert_eq!(ask(&service, &token(&["desk"], json!([code_of(0, 0)]))), (200, true));
    assert_eq!(ask(&service, &token(&["desk"], json!([code_of(9, 9)]))), (200, false));
    // No scope where one must be named, and no role of ours, are as the public.
    assert_eq!(ask(&service, &token(&["desk"], Value::Null)), (200, false));
    assert_eq!(ask(&service, &token(&["clerk"], json!("*"))), (200, false));
    let told = |token: &str, path: &str| {
        let response = service.get(path).bearer_auth(token).send().unwrap();
        assert_eq!(response.status(), 403);
        response.json::<Value>().unwrap()["detail"].as_str().unwrap().to_owned()
    };
    let for_insiders = "this is for the roles worker, dispatcher, planner, admin; the token grants nothing beyond what all have";
    assert_eq!(
        told(&token(&["desk"], Value::Null), "/v1/incidents"),
        format!(
            "{for_insiders}: its claim units, which is to name the units that it reaches, is missing or empty; \
             have the issuer put units by their codes, or * for all, into it"
        )
    );
    assert_eq!(
        told(&token(&["clerk"], json!("*")), "/v1/incidents"),
        format!("{for_insiders}: its claim realm_access.roles has no role that counts here; have the issuer put one of boss, desk into it")
    );
    let of_layer = told(&token(&["desk"], Value::Null), "/collections/incidents/items");
    assert!(of_layer.contains("incidents is not public; the token") || of_layer.contains(for_insiders), "{of_layer}");
    assert_eq!(told(&token(&["desk"], json!("*")), "/v1/audit"), "the role dispatcher does not do this; it is for admin");
    let audit = |token: &str| service.get("/v1/audit").bearer_auth(token).send().unwrap().status().as_u16();
    assert_eq!(audit(&token(&["boss"], json!("*"))), 200);
    assert_eq!(audit(&token(&["boss"], json!("431102"))), 403);
    assert_eq!(audit(&token(&["desk"], json!("*"))), 403);
}
