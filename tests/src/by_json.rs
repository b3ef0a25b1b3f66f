//! The same journeys by programs: JSON in and JSON out, through the same routes as the pages.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use anyhow::{Context, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use openidconnect::{
    AccessToken, AccessTokenHash, ClientId, ClientSecret, IssuerUrl, Nonce, PkceCodeChallenge,
    core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm},
};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use shared::{secret::digest256_hex, values::FormId};
use url::Url;

use crate::{
    authenticator::Authenticator,
    client::Client,
    place::Place,
    story::{PASSWORD, Story},
    world::{client_secret, unique},
};

/// The programs of one supplier and of the registrar.
pub struct Programs<'a> {
    /// Where it happens.
    pub place: &'a Place,
    /// The supplier's program.
    pub supplier: Client,
    /// The registrar's program.
    pub registrar: Client,
    /// The supplier's e-mail.
    pub email: String,
}

/// A form id of one's own, as a program makes one.
pub fn form_id() -> String {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&unique().to_be_bytes());
    FormId::from_bytes(bytes).to_string()
}

/// An address as a customer enters it.
pub fn address() -> Value {
    json!({ "street": "12 Lathe Street", "city": "Toledo", "region": "OH", "postal_code": "43604", "country": "US" })
}

/// The profile of the organisation that every test registers.
pub fn profile() -> Value {
    json!({
        "legal_name": "Kestrel Machining LLC",
        "street": "12 Lathe Street",
        "city": "Toledo",
        "postal_code": "43604",
        "country": "US",
    })
}

fn text<'v>(value: &'v Value, pointer: &str) -> anyhow::Result<&'v str> {
    value.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no {pointer} in {value}"))
}

impl<'a> Programs<'a> {
    /// The programs of the supplier with this e-mail.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(place: &'a Place, email: &str) -> anyhow::Result<Self> {
        let (supplier, registrar) = (Client::new(&place.service)?, Client::new(&place.service)?);
        Ok(Self { place, supplier, registrar, email: email.to_owned() })
    }

    /// The token of the newest e-mail with this subject.
    ///
    /// # Errors
    /// When there is no such e-mail, or no link in it.
    pub async fn mailed_token(&self, subject: &str) -> anyhow::Result<String> {
        let link = self.place.mail(&self.email, subject).await?.word_starting("http")?;
        link.split("token=").nth(1).map(str::to_owned).with_context(|| format!("{link} has no token"))
    }

    /// The partner invites (INV-1, INV-2).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn invite(&self) -> anyhow::Result<Value> {
        let mut partner = Client::new(&self.place.service)?;
        let request = partner
            .request(Method::POST, "/invite")
            .bearer_auth(&self.place.secrets.anvil_api_key)
            .header("idempotency-key", format!("invite-{}", self.email))
            .json(&json!({
                "application": "supply-platform",
                "organisation": "Kestrel Machining",
                "given_name": "Ada",
                "family_name": "Kestrel",
                "email": self.email,
            }));
        partner.send(request).await?.document(StatusCode::CREATED)
    }

    /// The invitee looks at the invitation and registers (INV-4, REG-1).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn register_invited(&mut self) -> anyhow::Result<String> {
        let token = self.mailed_token("Invited to Collaborate").await?;
        let shown = self.supplier.get(&format!("/invite/accept?token={token}")).await?;
        ensure!(shown["company"] == "Anvil Aerospace", "{shown}");
        let form = self.supplier.get(&format!("/register?token={token}")).await?;
        ensure!(form["invited"] == true && form["registration"]["email"] == self.email, "{form}");
        let body = json!({ "token": token, "phone": "+1 419 555 0123", "profile": profile() });
        let submitted = self.supplier.post("/register", &body, StatusCode::CREATED).await?;
        self.confirmed(&submitted).await
    }

    /// Anybody registers for a public application (REG-2).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn register_publicly(&mut self) -> anyhow::Result<String> {
        let form = self.supplier.get("/register?application=business-network").await?;
        ensure!(form["invited"] == false && form["company"] == "Cobalt Federal", "{form}");
        let body = public_registration(&self.email, &solved_captcha(&self.place.service).await?);
        let submitted = self.supplier.post("/register", &body, StatusCode::CREATED).await?;
        self.confirmed(&submitted).await
    }

    async fn confirmed(&mut self, submitted: &Value) -> anyhow::Result<String> {
        let reference = text(submitted, "/reference")?.to_owned();
        let confirmation = self.supplier.get(&format!("/register/submitted?reference={reference}")).await?;
        ensure!(confirmation["reference"] == reference, "{confirmation}");
        Ok(reference)
    }

    /// The registrar signs in with a second factor (SIG-1).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn registrar_signs_in(&mut self) -> anyhow::Result<()> {
        let mut authenticator = Authenticator::scan(&self.place.secrets.registrar_otpauth_uri)?;
        // Codes that other programs of this registrar used are used: each is good once.
        self.place.time.pass(std::time::Duration::from_secs(30)).await;
        let body = json!({
            "operator": "registrar",
            "password": self.place.secrets.registrar_password,
            "code": authenticator.read_code(&self.place.time).await,
        });
        let signed_in = self.registrar.post("/operate/sign-in", &body, StatusCode::OK).await?;
        ensure!(signed_in["operator"] == "registrar", "{signed_in}");
        Ok(())
    }

    /// The address of a registration that waits, by its reference (APR-1).
    ///
    /// # Errors
    /// When it does not wait in the queue.
    pub async fn waiting(&mut self, reference: &str) -> anyhow::Result<String> {
        let queue = self.registrar.get("/operate").await?;
        let waiting = queue["registrations"].as_array().into_iter().flatten();
        let mut found = waiting.filter(|one| one["reference"] == reference);
        let one = found.next().with_context(|| format!("{reference} does not wait: {queue}"))?;
        Ok(format!("/operate/registrations/{}", text(one, "/id")?))
    }

    /// The registrar reads the registration and approves it (APR-1, APR-2).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn approve(&mut self, reference: &str) -> anyhow::Result<()> {
        let address = self.waiting(reference).await?;
        let detail = self.registrar.get(&address).await?;
        ensure!(detail["profile"]["legal_name"] == "Kestrel Machining LLC", "{detail}");
        let decision = json!({ "decision": "approve" });
        let decided = self.registrar.post(&format!("{address}/decision"), &decision, StatusCode::OK).await?;
        ensure!(decided["state"] == "approved", "{decided}");
        Ok(())
    }

    /// The supplier chooses password and answers, which signs in (ACT-1, ACT-2, ACT-3).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn activate(&mut self) -> anyhow::Result<String> {
        let token = self.mailed_token("Activate your").await?;
        let shown = self.supplier.get(&format!("/activate?token={token}")).await?;
        let body = activation(&token, &shown)?;
        let activated = self.supplier.post("/activate", &body, StatusCode::OK).await?;
        let user_id = text(&activated, "/user_id")?.to_owned();
        ensure!(shown["user_id"] == user_id, "{activated}");
        Ok(user_id)
    }

    /// The supplier signs out, and in by this name (SIG-1, SIG-2).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn sign_in(&mut self, name: &str) -> anyhow::Result<()> {
        let ended = self.supplier.post("/sign-in/out", &json!({}), StatusCode::OK).await?;
        ensure!(ended["signed_out"] == true, "{ended}");
        let page = self.supplier.get("/sign-in?continue=/dashboard").await?;
        ensure!(page["continue"] == "/dashboard", "{page}");
        let body = json!({ "user": name, "password": PASSWORD });
        self.supplier.post("/sign-in", &body, StatusCode::OK).await?;
        Ok(())
    }

    /// What the dashboard says of an application.
    ///
    /// # Errors
    /// When the dashboard does not have it.
    pub async fn label(&mut self, application: &str) -> anyhow::Result<String> {
        Ok(text(&self.tile(application).await?, "/label")?.to_owned())
    }

    /// What has to be done next for an application: the code of what blocks its launch first.
    ///
    /// # Errors
    /// When the dashboard does not have it, or nothing blocks.
    pub async fn next(&mut self, application: &str) -> anyhow::Result<String> {
        Ok(text(&self.tile(application).await?, "/blockers/0/code")?.to_owned())
    }

    async fn tile(&mut self, application: &str) -> anyhow::Result<Value> {
        let dashboard = self.supplier.get("/dashboard").await?;
        let mut tiles = dashboard["applications"].as_array().into_iter().flatten();
        tiles.find(|tile| tile["id"] == application).cloned().with_context(|| format!("{dashboard}"))
    }

    /// The supplier accepts the terms for the organisation (TRM-1, TRM-3).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn accept_terms(&mut self, application: &str) -> anyhow::Result<()> {
        let address = format!("/accept-terms/{application}");
        let shown = self.supplier.get(&address).await?;
        ensure!(shown["standing"] == "pending" && shown["may_accept"] == true, "{shown}");
        let body = json!({ "agreed": true, "digest": shown["current"]["digest"] });
        let accepted = self.supplier.post(&address, &body, StatusCode::OK).await?;
        ensure!(accepted["standing"] == "accepted", "{accepted}");
        Ok(())
    }

    /// The partner's webstore reports a paid order of so many units (SHP-6, SHP-7).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn webstore_order(&self, order: &str, units: usize) -> anyhow::Result<Vec<String>> {
        let mut ignore = |_| {};
        let story = Story::new(self.place, &self.email, &mut ignore);
        let mut event = story.paid_order(order, "anvil-mobile-id");
        event["data"]["lines"][0]["quantity"] = json!(units);
        event["data"]["total_minor"] = json!(4900 * units);
        let answer = crate::client::Answer::of(story.send_webhook(&event).await?).await?.document(StatusCode::OK)?;
        ensure!(answer["licences"] == units, "{answer}");
        self.licence_keys().await
    }

    /// The keys of the newest licence e-mail.
    ///
    /// # Errors
    /// When there is none.
    pub async fn licence_keys(&self) -> anyhow::Result<Vec<String>> {
        let mail = self.place.mail(&self.email, "Your licence key").await?;
        let keys = mail.text.split_whitespace().filter(|word| word.matches('-').count() == 4);
        Ok(keys.map(str::to_owned).collect())
    }

    /// The registrar, signed in, makes promo codes (SHP-2).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn promo_codes(&mut self, count: usize, discount: &str) -> anyhow::Result<Vec<String>> {
        self.promo_codes_for("cobalt", "cobalt-mobile-id", count, discount).await
    }

    /// The same for another product.
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn promo_codes_for(
        &mut self,
        partner: &str,
        product: &str,
        count: usize,
        discount: &str,
    ) -> anyhow::Result<Vec<String>> {
        let body = json!({
            "form": form_id(),
            "name": "Autumn",
            "partner": partner,
            "products": [product],
            "count": count,
            "discount": discount,
            "valid_days": 90,
        });
        let batch = self.registrar.post("/operate/promo-batches", &body, StatusCode::CREATED).await?;
        let codes = batch["codes"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Ok(codes.map(str::to_owned).collect())
    }

    /// A guest looks at catalogue, cart and quote, and orders with the code (SHP-1, SHP-2, SHP-5, SHP-6).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn storefront_order(&self, code: &str) -> anyhow::Result<Vec<String>> {
        let mut guest = Client::new(&self.place.service)?;
        let partners = guest.get("/webstore-checkout").await?;
        ensure!(partners.to_string().contains("/webstore-checkout/cobalt"), "{partners}");
        let catalogue = guest.get("/webstore-checkout/cobalt").await?;
        ensure!(catalogue["products"][0]["id"] == "cobalt-mobile-id", "{catalogue}");
        let cart = guest.get("/webstore-checkout/cobalt/cart?cobalt-mobile-id=1").await?;
        ensure!(cart["subtotal"] == json!({ "minor": 4500, "currency": "USD" }), "{cart}");
        let form = guest.get("/webstore-checkout/cobalt/checkout?cobalt-mobile-id=1").await?;
        let mut body = checkout(text(&form, "/form")?, &self.email, code);
        body["action"] = json!("apply");
        let quote = guest.post("/webstore-checkout/cobalt/checkout", &body, StatusCode::OK).await?;
        ensure!(quote["total"]["minor"] == 0, "{quote}");
        body["action"] = json!("place");
        let placed = guest.post("/webstore-checkout/cobalt/checkout", &body, StatusCode::CREATED).await?;
        let confirmation = Url::parse(text(&placed, "/confirmation")?)?;
        let order = guest.get(&format!("{}?{}", confirmation.path(), confirmation.query().unwrap_or_default())).await?;
        ensure!(order["order"] == placed["order"], "{order}");
        self.licence_keys().await
    }

    /// The supplier activates a licence (CRD-1) and is told where its authenticator is registered.
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn activate_licence(&mut self, key: &str) -> anyhow::Result<String> {
        let body = json!({ "licence_key": key, "step": "check" });
        let agreement = self.supplier.post("/credentials/licence", &body, StatusCode::OK).await?;
        let body = json!({ "licence_key": key, "agreed": true, "agreement": agreement["agreement"] });
        let activated = self.supplier.post("/credentials/licence", &body, StatusCode::OK).await?;
        Ok(text(&activated, "/authenticator")?.to_owned())
    }

    /// The supplier is offered a seed and proves the app (CRD-4).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn enrol(&mut self, address: &str) -> anyhow::Result<Authenticator> {
        let offer = self.supplier.post(address, &json!({}), StatusCode::OK).await?;
        let shown = self.supplier.get(address).await?;
        ensure!(shown["otpauth_uri"] == offer["otpauth_uri"], "{shown}");
        let mut authenticator = Authenticator::scan(text(&offer, "/otpauth_uri")?)?;
        let body = json!({ "code": authenticator.read_code(&self.place.time).await });
        let proved = self.supplier.post(&format!("{address}/verify"), &body, StatusCode::OK).await?;
        ensure!(proved["state"] == "active", "{proved}");
        Ok(authenticator)
    }

    /// The supplier enters a code (OTP-1 to OTP-4).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn verify(&mut self, authenticator: &mut Authenticator) -> anyhow::Result<()> {
        let asked = self.supplier.get("/verify-otp?continue=/dashboard").await?;
        ensure!(asked["continue"] == "/dashboard", "{asked}");
        let body = json!({ "code": authenticator.read_code(&self.place.time).await });
        self.supplier.post("/verify-otp", &body, StatusCode::OK).await?;
        Ok(())
    }

    /// The address at which the application's login begins, once nothing is left to do (LCH-1, TRM-4).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn launch(&mut self, application: &str, authenticator: &mut Authenticator) -> anyhow::Result<String> {
        // The code of the enrolment must be older than the launch: a policy of a fresh code per launch asks again.
        self.place.time.pass(std::time::Duration::from_secs(2)).await;
        let address = format!("/launch/{application}");
        let shown = self.supplier.get(&address).await?;
        let body = match shown["access_terms"]["digest"].as_str() {
            Some(digest) => json!({ "accept_terms": true, "digest": digest }),
            None => json!({}),
        };
        let mut request = self.supplier.request(Method::POST, &address).json(&body);
        let first = self.supplier.send(request).await?;
        let started = if first.status == StatusCode::OK {
            first
        } else {
            let blocked = first.problem(403, "blocked")?;
            ensure!(blocked["blockers"][0]["code"] == "otp-required", "LCH-1: {blocked}");
            self.verify(authenticator).await?;
            request = self.supplier.request(Method::POST, &address).json(&json!({}));
            self.supplier.send(request).await?
        };
        Ok(text(&started.document(StatusCode::OK)?, "/location")?.to_owned())
    }

    /// The application asks for the person and exchanges the code; the ID token is verified by a library that is not
    /// ours (LCH-2). Returned is what userinfo says.
    ///
    /// # Errors
    /// When the provider misbehaves or the token does not verify.
    pub async fn sign_in_to(&mut self, application: &str, callback: &str) -> anyhow::Result<Value> {
        Ok(self.authenticated_for(application, callback).await?.person)
    }

    /// The same, with how the person was authenticated.
    ///
    /// # Errors
    /// When the provider misbehaves or the token does not verify.
    pub async fn authenticated_for(&mut self, application: &str, callback: &str) -> anyhow::Result<Authenticated> {
        let nonce = Nonce::new_random();
        let (code, verifier) = self.authorization_code_with(application, callback, &nonce).await?;
        let mut client = Client::new(&self.place.service)?;
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", callback),
            ("code_verifier", &verifier),
        ];
        let request = client.request(Method::POST, "/launch/token").form(&fields);
        let request = request.basic_auth(application, Some(client_secret(application)));
        let tokens = client.send(request).await?.document(StatusCode::OK)?;
        verified(&mut client, &self.place.service, application, &tokens, &nonce).await
    }
}

impl Programs<'_> {
    /// The authorization code that the application is sent after a launch, and its PKCE verifier (LCH-2).
    ///
    /// # Errors
    /// When the provider sends something else.
    pub async fn authorization_code(&mut self, application: &str, callback: &str) -> anyhow::Result<(String, String)> {
        self.authorization_code_with(application, callback, &Nonce::new_random()).await
    }

    async fn authorization_code_with(
        &mut self,
        application: &str,
        callback: &str,
        nonce: &Nonce,
    ) -> anyhow::Result<(String, String)> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let state = unique().to_string();
        let address = authorize_address(&[
            ("response_type", "code"),
            ("client_id", application),
            ("redirect_uri", callback),
            ("scope", "openid profile"),
            ("state", &state),
            ("nonce", nonce.secret()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ]);
        let request = self.supplier.request(Method::GET, &address);
        let answer = self.supplier.send(request).await?;
        ensure!(answer.status == StatusCode::SEE_OTHER, "{}: {}", answer.status, answer.text);
        let back = Url::parse(answer.header("location"))?;
        let parameter = |name: &str| {
            let found = back.query_pairs().find(|(key, _)| key == name);
            found.map(|(_, value)| value.into_owned())
        };
        ensure!(back.as_str().starts_with(callback) && parameter("state") == Some(state), "{back}");
        ensure!(parameter("iss").as_deref() == Some(&self.place.service), "RFC 9207: {back}");
        let code = parameter("code").with_context(|| back.to_string())?;
        Ok((code, verifier.secret().clone()))
    }
}

/// What an application knows after a launch.
pub struct Authenticated {
    /// What userinfo says.
    pub person: Value,
    /// The authentication methods of the ID token (`amr`).
    pub methods: Vec<String>,
}

/// Verifies the ID token by discovery and key set, and asks userinfo.
async fn verified(
    client: &mut Client,
    service: &str,
    application: &str,
    tokens: &Value,
    nonce: &Nonce,
) -> anyhow::Result<Authenticated> {
    let discovery = client.get("/.well-known/openid-configuration").await?;
    ensure!(discovery["issuer"] == service, "{discovery}");
    let keys: CoreJsonWebKeySet = serde_json::from_value(client.get("/launch/jwks").await?)?;
    let verifier = CoreIdTokenVerifier::new_confidential_client(
        ClientId::new(application.to_owned()),
        ClientSecret::new(client_secret(application)),
        IssuerUrl::new(service.to_owned())?,
        keys,
    )
    .set_allowed_algs([CoreJwsSigningAlgorithm::EcdsaP256Sha256]);
    let id_token: CoreIdToken = text(tokens, "/id_token")?.parse()?;
    let claims = id_token.claims(&verifier, nonce)?;
    let access_token = text(tokens, "/access_token")?;
    let hash = AccessTokenHash::from_token(
        &AccessToken::new(access_token.to_owned()),
        id_token.signing_alg()?,
        id_token.signing_key(&verifier)?,
    )?;
    ensure!(claims.access_token_hash() == Some(&hash), "LCH-2: at_hash is another token's");
    let request =
        client.request(Method::GET, "/launch/userinfo").header(header::AUTHORIZATION, format!("Bearer {access_token}"));
    let person = client.send(request).await?.document(StatusCode::OK)?;
    ensure!(person["sub"] == claims.subject().as_str(), "userinfo names another subject: {person}");
    let methods = claims.auth_method_refs().into_iter().flatten().map(|method| method.as_str().to_owned());
    Ok(Authenticated { person, methods: methods.collect() })
}

/// The address of an authorization request with these parameters.
pub fn authorize_address(parameters: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("/launch/authorize?{query}")
}

/// Solves the captcha of the public form at this service, as a browser does it (REG-7).
///
/// # Errors
/// When the service does not answer, or its challenge has no solution.
pub async fn solved_captcha(service: &str) -> anyhow::Result<String> {
    let challenge = reqwest::get(format!("{service}/register/challenge")).await?.text().await?;
    let mut solution: Value = serde_json::from_str(&challenge)?;
    let salt = text(&solution, "/salt")?.to_owned();
    let wanted = text(&solution, "/challenge")?.to_owned();
    let max = solution["maxnumber"].as_u64().context("a largest number")?;
    let solves = |number: &u64| digest256_hex(format!("{salt}{number}").as_bytes()) == wanted;
    let number = (0..=max).find(solves).context("the challenge has no solution")?;
    solution["number"] = json!(number);
    solution.as_object_mut().context("a document")?.remove("maxnumber");
    Ok(STANDARD.encode(solution.to_string()))
}

/// A registration for the public application, of a new organisation, with a solved captcha.
pub fn public_registration(email: &str, captcha: &str) -> Value {
    json!({
        "application": "business-network",
        "captcha": captcha,
        "organisation": "none",
        "given_name": "Ada",
        "family_name": "Kestrel",
        "email": email,
        "phone": "+1 419 555 0123",
        "profile": profile(),
    })
}

/// What an activation sends, with the first three questions of those that are offered.
///
/// # Errors
/// When fewer than three are offered.
pub fn activation(token: &str, shown: &Value) -> anyhow::Result<Value> {
    let question = |number: usize| text(shown, &format!("/security_questions/{number}"));
    Ok(json!({
        "token": token,
        "password": PASSWORD,
        "password_repeated": PASSWORD,
        "question_1": question(0)?,
        "answer_1": "Bluebell",
        "question_2": question(1)?,
        "answer_2": "Bluebell",
        "question_3": question(2)?,
        "answer_3": "Bluebell",
    }))
}

/// The token of the link to an order that was placed.
///
/// # Errors
/// When the answer has no such link.
pub fn order_token(placed: &Value) -> anyhow::Result<&str> {
    let (_, token) = text(placed, "/confirmation")?.split_once("token=").context("a token")?;
    Ok(token)
}

/// A guest's order of one unit with a promo code.
pub fn checkout(form: &str, email: &str, code: &str) -> Value {
    json!({
        "form": form,
        "given_name": "Ada",
        "family_name": "Kestrel",
        "email": email,
        "lines": [{ "product": "cobalt-mobile-id", "quantity": 1 }],
        "promo_code": code,
        "action": "place",
    })
}
