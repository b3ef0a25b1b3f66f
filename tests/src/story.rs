//! The two journeys from invitation to launch, step by step.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::{
    authenticator::Authenticator,
    browser::{Browser, Page},
    place::Place,
};

/// A password that the policy accepts.
pub const PASSWORD: &str = "seven green kettles sing at dawn";

/// A step that was done.
#[derive(Debug, Clone)]
pub struct Step {
    /// Who did what.
    pub what: &'static str,
    /// What came of it.
    pub outcome: String,
    /// How long it took, waiting for the next code included.
    pub took: Duration,
}

/// A journey under way.
pub struct Story<'a> {
    /// Where it happens.
    pub place: &'a Place,
    /// The supplier's browser.
    pub supplier: Browser,
    /// The registrar's browser.
    pub registrar: Browser,
    /// The supplier's e-mail.
    pub email: String,
    report: &'a mut dyn FnMut(Step),
    since: Instant,
}

/// Where a journey ends.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The supplier's User ID.
    pub user_id: String,
    /// The page of the application, signed in.
    pub application: Page,
    /// The supplier's authenticator app.
    pub authenticator: Authenticator,
    /// The supplier's browser.
    pub supplier: Browser,
}

impl<'a> Story<'a> {
    /// A story about the supplier with this e-mail.
    pub fn new(place: &'a Place, email: &str, report: &'a mut dyn FnMut(Step)) -> Self {
        Self {
            place,
            supplier: Browser::new(),
            registrar: Browser::new(),
            email: email.to_owned(),
            report,
            since: Instant::now(),
        }
    }

    fn told(&mut self, what: &'static str, outcome: impl Into<String>) {
        let took = self.since.elapsed();
        (self.report)(Step { what, outcome: outcome.into(), took });
        self.since = Instant::now();
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.place.service)
    }

    /// Journey A: by invitation, with a checkout webhook of the partner's own webstore.
    ///
    /// # Errors
    /// At the first step that misbehaves.
    pub async fn by_invitation(mut self) -> anyhow::Result<Arrival> {
        self.invite().await?;
        self.register_invited().await?;
        self.approve().await?;
        let user_id = self.activate().await?;
        self.sign_in_again(&user_id).await?;
        self.accept_terms("supply-platform").await?;
        let licence = self.webstore_order("anvil-mobile-id").await?;
        let mut authenticator = self.activate_credential(&licence).await?;
        let application = self.launch("supply-platform", &mut authenticator).await?;
        Ok(Arrival { user_id, application, authenticator, supplier: self.supplier })
    }

    /// Journey B: by self-registration, with a promo code in the built-in storefront.
    ///
    /// # Errors
    /// At the first step that misbehaves.
    pub async fn by_self_registration(mut self) -> anyhow::Result<Arrival> {
        self.register_publicly().await?;
        self.approve().await?;
        let user_id = self.activate().await?;
        self.accept_terms("business-network").await?;
        let code = self.promo_code().await?;
        let licence = self.storefront_order(&code).await?;
        let mut authenticator = self.activate_credential(&licence).await?;
        let application = self.launch("business-network", &mut authenticator).await?;
        Ok(Arrival { user_id, application, authenticator, supplier: self.supplier })
    }

    /// The partner's system creates an invitation (INV-1, INV-2).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn invite(&mut self) -> anyhow::Result<Value> {
        let body = json!({
            "application": "supply-platform",
            "organisation": "Kestrel Machining",
            "given_name": "Ada",
            "family_name": "Kestrel",
            "email": self.email,
            "profile": { "city": "Toledo", "country": "US" },
        });
        let response = reqwest::Client::new()
            .post(self.url("/invite"))
            .bearer_auth(&self.place.secrets.anvil_api_key)
            .header("idempotency-key", format!("invite-{}", self.email))
            .json(&body)
            .send()
            .await?;
        let status = response.status();
        let answer: Value = response.json().await?;
        ensure!(status == 201, "POST /invite answered {status}: {answer}");
        self.told(
            "Partner invites the supplier",
            format!("invitation {}", answer.get("id").and_then(Value::as_str).unwrap_or_default()),
        );
        Ok(answer)
    }

    /// The invitee opens the link, completes the profile and names the administrators (INV-4, INV-5, INV-6, REG-1).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn register_invited(&mut self) -> anyhow::Result<()> {
        let mail = self.place.mail(&self.email, "You're Invited to Collaborate with Anvil Aerospace").await?;
        let page = self.supplier.open(&mail.word_starting("http")?).await?.good()?.titled("Anvil Aerospace")?;
        self.told("Supplier opens the invitation", page.select("h1").join(" "));
        let page = self.supplier.open(&page.link("Get started")?).await?.good()?;
        self.complete_registration(page).await
    }

    /// Anybody registers for a public application (REG-2).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn register_publicly(&mut self) -> anyhow::Result<()> {
        let page = self.supplier.open(&self.url("/register?application=business-network")).await?.good()?;
        let form = page.form("Next")?.fill("email", &self.email);
        let page = self.supplier.submit(form).await?.good()?.titled("Check your mailbox")?;
        self.told("Supplier begins to register", page.select("h1").join(" "));
        let mail = self.place.mail(&self.email, "Confirm your e-mail address").await?;
        let page = self.supplier.open(&mail.word_starting("http")?).await?.good()?;
        self.complete_registration(page).await
    }

    async fn complete_registration(&mut self, page: Page) -> anyhow::Result<()> {
        let form = page
            .form("Next")?
            .fill("given_name", "Ada")
            .fill("family_name", "Kestrel")
            .fill("phone", "+1 419 555 0123")
            .fill("profile.legal_name", "Kestrel Machining LLC")
            .fill("profile.street", "12 Lathe Street")
            .fill("profile.city", "Toledo")
            .fill("profile.postal_code", "43604")
            .fill("profile.country", "US");
        let mut page = self.supplier.submit(form).await?.good()?;
        if page.text().contains("None of the above") {
            page = self.supplier.submit(page.form("Next")?.fill("organisation", "none")).await?.good()?;
        }
        let page = self.supplier.submit(page.form("Next")?).await?.good()?;
        let page = self.supplier.submit(page.form("Submit")?).await?.good()?;
        let reference = page.text().split_whitespace().find(|word| word.starts_with("R-")).map(str::to_owned);
        let reference = reference.with_context(|| format!("no reference number: {}", page.text()))?;
        self.told("Supplier registers the organization", format!("reference {}", reference.trim_end_matches('.')));
        Ok(())
    }

    /// The registrar signs in with a second factor.
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn registrar_signs_in(&mut self) -> anyhow::Result<Page> {
        let mut authenticator = Authenticator::scan(&self.place.secrets.registrar_otpauth_uri)?;
        let page = self.registrar.open(&self.url("/operate")).await?.good()?;
        if page.url.path() != "/operate/sign-in" {
            return Ok(page);
        }
        for attempt in 0.. {
            let form = page
                .form("Sign in")?
                .fill("operator", "registrar")
                .fill("password", &self.place.secrets.registrar_password)
                .fill("code", &authenticator.read_code(&self.place.time).await);
            let page = self.registrar.submit(form).await?;
            // Somebody may have used this code before: each is good once.
            if page.status == 200 || attempt == 1 {
                return page.good();
            }
        }
        anyhow::bail!("unreachable: the loop returns")
    }

    /// The registrar approves (APR-1, APR-2, APR-3).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn approve(&mut self) -> anyhow::Result<()> {
        let queue = self.registrar_signs_in().await?;
        let newest = queue
            .attributes("a[href*='/operate/registrations/']", "href")
            .pop()
            .with_context(|| format!("the queue is empty: {}", queue.text()))?;
        let page = self.registrar.open(&self.url(&newest)).await?.good()?;
        ensure!(page.body.contains(&self.email), "the newest registration is somebody else's");
        let page = self.registrar.submit(page.form("Decide")?.fill("decision", "approve")).await?.good()?;
        self.told("Registrar approves", page.select("h1").join(" "));
        Ok(())
    }

    /// The supplier chooses password and security questions (ACT-1, ACT-2, ACT-3).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn activate(&mut self) -> anyhow::Result<String> {
        let mail = self.place.mail(&self.email, "Activate your").await?;
        let page = self.supplier.open(&mail.word_starting("http")?).await?.good()?.titled("Activate")?;
        let user_id = page.select("dd strong").first().cloned().context("the page shows the User ID")?;
        let questions = page.attributes("select[name=question_1] option", "value");
        let mut form = page.form("Next")?.fill("password", PASSWORD).fill("password_repeated", PASSWORD);
        for (n, question) in questions.iter().filter(|question| !question.is_empty()).take(3).enumerate() {
            form = form.fill(&format!("question_{}", n + 1), question).fill(&format!("answer_{}", n + 1), "Bluebell");
        }
        let page = self.supplier.submit(form).await?.good()?;
        ensure!(page.url.path() == "/dashboard", "activation led to {}: {}", page.url.path(), page.text());
        self.told("Supplier activates the account", format!("User ID {user_id}"));
        Ok(user_id)
    }

    /// The supplier signs out, and in by e-mail and by User ID (SIG-1, SIG-2).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn sign_in_again(&mut self, user_id: &str) -> anyhow::Result<()> {
        for name in [self.email.clone(), user_id.to_owned()] {
            let dashboard = self.supplier.open(&self.url("/dashboard")).await?.good()?;
            let page = self.supplier.submit(dashboard.form("Sign out")?).await?.good()?.titled("Sign in")?;
            let form = page.form("Sign in")?.fill("user", &name).fill("password", PASSWORD);
            let page = self.supplier.submit(form).await?.good()?;
            ensure!(page.url.path() == "/dashboard", "sign-in led to {}", page.url.path());
        }
        self.told("Supplier signs in by e-mail and by User ID", "dashboard");
        Ok(())
    }

    /// The supplier accepts the application's terms (TRM-1, TRM-2, TRM-3).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn accept_terms(&mut self, application: &str) -> anyhow::Result<()> {
        let dashboard = self.supplier.open(&self.url("/dashboard")).await?.good()?;
        let page = self.supplier.open(&dashboard.link("Agree to Terms")?).await?.good()?;
        ensure!(page.url.path().ends_with(application), "the tile led to {}", page.url.path());
        let form = page.form("Next")?.fill("agreed", "yes");
        let page = self.supplier.submit(form).await?.good()?;
        ensure!(page.url.path() == "/dashboard", "accepting led to {}: {}", page.url.path(), page.text());
        self.told("Supplier accepts the terms", application);
        Ok(())
    }

    /// The partner's webstore reports a paid order by a signed webhook (SHP-6, SHP-7).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn webstore_order(&mut self, product: &str) -> anyhow::Result<String> {
        let order = format!("AN-{}", self.email);
        let response = self.send_webhook(&self.paid_order(&order, product)).await?;
        let (status, answer) = (response.status(), response.text().await?);
        ensure!(status == 200, "the webhook was answered {status}: {answer}");
        self.told("Partner's webstore posts the paid order", order);
        self.licence_key().await
    }

    /// A paid order's event.
    pub fn paid_order(&self, order: &str, product: &str) -> Value {
        json!({
            "type": "order.paid",
            "timestamp": "2026-12-01T09:00:00Z",
            "data": {
                "order_id": order,
                "customer": { "given_name": "Ada", "family_name": "Kestrel", "email": self.email },
                "lines": [{ "product": product, "quantity": 1 }],
                "total_minor": 4900,
                "currency": "USD",
            },
        })
    }

    /// Sends an event to Anvil's webhook.
    ///
    /// # Errors
    /// When the event cannot be signed or the service does not answer.
    pub async fn send_webhook(&self, event: &Value) -> anyhow::Result<reqwest::Response> {
        Ok(self.webhook(&reqwest::Client::new(), event)?.send().await?)
    }

    /// The request that [`Story::send_webhook`] sends.
    ///
    /// # Errors
    /// When the event cannot be signed.
    pub fn webhook(&self, client: &reqwest::Client, event: &Value) -> anyhow::Result<reqwest::RequestBuilder> {
        let body = event.to_string();
        let (id, timestamp) = (format!("msg_{}", self.email.replace(['@', '.'], "_")), self.place.time.unix_seconds());
        let webhook = Webhook::new(&self.place.secrets.anvil_webhook_secret)?;
        let signature = webhook.sign(&id, i64::try_from(timestamp)?, body.as_bytes())?;
        Ok(client
            .post(self.url("/webstore-checkout/webhooks/anvil"))
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature)
            .body(body))
    }

    async fn licence_key(&mut self) -> anyhow::Result<String> {
        let mail = self.place.mail(&self.email, "Your licence key").await?;
        let key = mail.text.split_whitespace().find(|word| word.matches('-').count() == 4).map(str::to_owned);
        let key = key.with_context(|| format!("no licence key in {}", mail.text))?;
        self.told("Supplier receives the licence key", "by e-mail");
        Ok(key)
    }

    /// The operator makes a one-time promo code (SHP-2).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn promo_code(&mut self) -> anyhow::Result<String> {
        self.promo_codes(1).await?.pop().context("the batch has a code")
    }

    /// The operator makes a batch of one-time promo codes (SHP-2).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn promo_codes(&mut self, count: u32) -> anyhow::Result<Vec<String>> {
        self.registrar_signs_in().await?;
        let page = self.registrar.open(&self.url("/operate/promo-batches")).await?.good()?;
        let form = page
            .form("Download codes")?
            .fill("name", "Autumn")
            .fill("partner", "cobalt")
            .fill("products", "cobalt-mobile-id")
            .fill("count", &count.to_string())
            .fill("discount", "free")
            .fill("valid_days", "90");
        let page = self.registrar.submit(form).await?.good()?;
        let codes = page.body.lines().skip(1).map(|line| line.trim().trim_matches('"').to_owned()).collect();
        self.told("Operator creates promo codes", format!("number of codes: {count}, one use each"));
        Ok(codes)
    }

    /// The supplier redeems the promo code as a guest of the storefront (SHP-1, SHP-2, SHP-3, SHP-5, SHP-6).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn storefront_order(&mut self, code: &str) -> anyhow::Result<String> {
        let mut guest = Browser::new();
        let page = guest.open(&self.url("/webstore-checkout/cobalt")).await?.good()?;
        let page = guest.submit(page.form("Add to Cart")?).await?.good()?;
        let page = guest.submit(page.form("Checkout as Guest")?).await?.good()?;
        let form = page
            .form("Apply")?
            .fill("given_name", "Ada")
            .fill("family_name", "Kestrel")
            .fill("email", &self.email)
            .fill("promo_code", code);
        let page = guest.submit(form).await?.good()?;
        let page = guest.submit(page.form("Review Order")?).await?.titled("Review your order")?;
        let page = guest.submit(page.form("Place Order")?).await?.good()?;
        self.told("Supplier orders with the promo code", page.select("h1").join(" "));
        self.licence_key().await
    }

    /// The supplier activates the licence and registers an authenticator app (CRD-1, CRD-4).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn activate_credential(&mut self, licence: &str) -> anyhow::Result<Authenticator> {
        let dashboard = self.supplier.open(&self.url("/dashboard")).await?.good()?;
        let page = self.supplier.open(&dashboard.link("Enter it here")?).await?.good()?;
        let page = self.supplier.submit(page.form("Next")?.fill("licence_key", licence)).await?.good()?;
        let page = self.supplier.submit(page.form("Activate")?.fill("agreed", "yes")).await?.good()?;
        self.told("Supplier activates the licence", page.select("h1").join(" "));
        let page = self.supplier.submit(page.form("Set up")?).await?.good()?;
        ensure!(!page.select("svg").is_empty(), "the page shows a QR code");
        let uri = page.attributes("a[href^='otpauth://']", "href").pop().context("the page has the otpauth URI")?;
        let mut authenticator = Authenticator::scan(&uri)?;
        let code = authenticator.read_code(&self.place.time).await;
        let page = self.supplier.submit(page.form("Verify")?.fill("code", &code)).await?.good()?;
        ensure!(page.url.path() == "/dashboard", "enrolment led to {}: {}", page.url.path(), page.text());
        self.told("Supplier registers the authenticator app", "proved by a code");
        Ok(authenticator)
    }

    /// The supplier launches the application with a second factor (LCH-1, LCH-2, OTP-1 to OTP-4, TRM-4).
    ///
    /// # Errors
    /// When the step misbehaves.
    pub async fn launch(&mut self, application: &str, authenticator: &mut Authenticator) -> anyhow::Result<Page> {
        // The code of the enrolment must be older than the launch: a policy of a fresh code per launch asks again.
        self.place.time.pass(Duration::from_secs(2)).await;
        let mut asked = false;
        let mut page = self.supplier.open(&self.url("/dashboard")).await?.good()?;
        page = self.supplier.submit(page.form("Launch")?).await?;
        for _ in 0..4 {
            let at_service = page.url.as_str().starts_with(&self.place.service);
            match page.url.path() {
                _ if !at_service => break,
                "/verify-otp" => {
                    asked = true;
                    let code = authenticator.read_code(&self.place.time).await;
                    page = self.supplier.submit(page.form("Verify")?.fill("code", &code)).await?;
                }
                _ => {
                    let mut form = page.form("Launch")?;
                    if !page.select("[name=accept_terms]").is_empty() || page.body.contains("name=\"accept_terms\"") {
                        form = form.fill("accept_terms", "yes");
                    }
                    page = self.supplier.submit(form).await?;
                }
            }
        }
        let page = page.good()?;
        ensure!(!page.url.as_str().starts_with(&self.place.service), "still at the service: {}", page.text());
        ensure!(asked || application != "supply-platform", "OTP-4: the launch did not ask for a fresh code");
        self.told("Supplier launches the application", format!("{application}: {}", page.select("h1").join(" ")));
        Ok(page)
    }
}
