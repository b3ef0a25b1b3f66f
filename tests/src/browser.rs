//! A browser without JavaScript: follows redirects, keeps cookies, fills in the forms that a page has.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use reqwest::{Method, StatusCode, header};
use scraper::{ElementRef, Html, Selector};
use url::Url;

const REDIRECTS_MAX: usize = 10;

/// A person's browser.
#[derive(Debug, Clone)]
pub struct Browser {
    http: reqwest::Client,
    /// Cookies by host and port, then by name.
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

/// A page that was opened.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its address.
    pub url: Url,
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: header::HeaderMap,
    /// Body.
    pub body: String,
}

/// A form that is being filled in.
#[derive(Debug, Clone)]
pub struct Form {
    method: Method,
    action: Url,
    /// What a browser says about the page that the form stands on.
    origin: String,
    fields: Vec<(String, String)>,
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}

impl Browser {
    /// A browser that knows nobody.
    ///
    /// # Panics
    /// When the HTTP client cannot be set up.
    pub fn new() -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client without TLS options always builds");
        Self { http, cookies: BTreeMap::new() }
    }

    /// Opens a page and follows where it leads.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn open(&mut self, url: &str) -> anyhow::Result<Page> {
        let url = Url::parse(url).with_context(|| format!("{url:?} is not an address"))?;
        let page = self.send(Method::GET, url, None).await?;
        self.follow(page).await
    }

    /// Sends a form and follows where it leads.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn submit(&mut self, form: Form) -> anyhow::Result<Page> {
        let mut url = form.action.clone();
        let page = if form.method == Method::GET {
            url.query_pairs_mut().clear().extend_pairs(&form.fields);
            self.send(Method::GET, url, None).await?
        } else {
            self.submit_once(&form).await?
        };
        self.follow(page).await
    }

    /// Sends a form and stops at the first answer.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn submit_once(&mut self, form: &Form) -> anyhow::Result<Page> {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(&form.fields);
        let sent = Some((body.finish(), form.origin.as_str()));
        self.send(form.method.clone(), form.action.clone(), sent).await
    }

    /// The cookie of this name for the server of `url`.
    pub fn cookie(&self, url: &str, name: &str) -> Option<&str> {
        let url = Url::parse(url).ok()?;
        self.cookies.get(&origin(&url))?.get(name).map(String::as_str)
    }

    /// Sets or, with `None`, drops a cookie.
    pub fn set_cookie(&mut self, url: &str, name: &str, value: Option<&str>) {
        let Ok(url) = Url::parse(url) else { return };
        let jar = self.cookies.entry(origin(&url)).or_default();
        match value {
            Some(value) => drop(jar.insert(name.to_owned(), value.to_owned())),
            None => drop(jar.remove(name)),
        }
    }

    /// The `Cookie` header for the server of `url`.
    pub fn cookie_header(&self, url: &str) -> String {
        let jar = Url::parse(url).ok().and_then(|url| self.cookies.get(&origin(&url)));
        let pairs = jar.into_iter().flatten().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    async fn follow(&mut self, mut page: Page) -> anyhow::Result<Page> {
        for _ in 0..REDIRECTS_MAX {
            let Some(location) = page.headers.get(header::LOCATION).filter(|_| page.status.is_redirection()) else {
                return Ok(page);
            };
            let next = page.url.join(location.to_str()?)?;
            page = self.send(Method::GET, next, None).await?;
        }
        bail!("{} redirects without end", page.url)
    }

    async fn send(&mut self, method: Method, url: Url, body: Option<(String, &str)>) -> anyhow::Result<Page> {
        let mut request = self
            .http
            .request(method, url.clone())
            .header(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            .header(header::COOKIE, self.cookie_header(url.as_str()));
        if let Some((body, origin)) = body {
            let site = if origin == self::origin(&url) { "same-origin" } else { "cross-site" };
            request = request
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(header::ORIGIN, origin)
                .header("sec-fetch-site", site)
                .body(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        self.keep_cookies(&url, &headers);
        Ok(Page { url, status, headers, body: response.text().await? })
    }

    fn keep_cookies(&mut self, url: &Url, headers: &header::HeaderMap) {
        let jar = self.cookies.entry(origin(url)).or_default();
        for cookie in headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let Some((name, rest)) = cookie.split_once('=') else { continue };
            let value = rest.split(';').next().unwrap_or_default();
            if cookie.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

impl Page {
    /// The page, if its status is 200.
    ///
    /// # Errors
    /// With status and text otherwise.
    pub fn good(self) -> anyhow::Result<Self> {
        ensure!(self.status == StatusCode::OK, "{} answered {}: {}", self.url.path(), self.status, self.text());
        Ok(self)
    }

    /// The page, if its heading is this one.
    ///
    /// # Errors
    /// With the heading and text otherwise.
    pub fn titled(self, title: &str) -> anyhow::Result<Self> {
        let heading = self.select("h1").first().cloned().unwrap_or_default();
        ensure!(
            heading.contains(title),
            "expected {title:?}, found {heading:?} at {}: {}",
            self.url.path(),
            self.text()
        );
        Ok(self)
    }

    /// The texts of what a CSS selector finds.
    pub fn select(&self, selector: &str) -> Vec<String> {
        let html = Html::parse_document(&self.body);
        let Ok(selector) = Selector::parse(selector) else { return Vec::new() };
        html.select(&selector).map(|element| words(&element)).collect()
    }

    /// The values of an attribute of what a CSS selector finds.
    pub fn attributes(&self, selector: &str, attribute: &str) -> Vec<String> {
        let html = Html::parse_document(&self.body);
        let Ok(selector) = Selector::parse(selector) else { return Vec::new() };
        html.select(&selector).filter_map(|element| element.value().attr(attribute)).map(str::to_owned).collect()
    }

    /// What the page says, for messages.
    pub fn text(&self) -> String {
        let main = self.select("main");
        main.first().cloned().unwrap_or_else(|| self.body.chars().take(600).collect())
    }

    /// The address behind the link with this text.
    ///
    /// # Errors
    /// When the page has none.
    pub fn link(&self, text: &str) -> anyhow::Result<String> {
        let html = Html::parse_document(&self.body);
        let selector = Selector::parse("a[href]").map_err(|error| anyhow::anyhow!("{error}"))?;
        let href =
            html.select(&selector).find(|link| words(link).contains(text)).and_then(|link| link.value().attr("href"));
        let href = href.with_context(|| format!("{} has no link {text:?}: {}", self.url.path(), self.text()))?;
        Ok(self.url.join(href)?.to_string())
    }

    /// The `Origin` of requests that forms of this page cause: browsers withhold it where the page's policy is
    /// `no-referrer` (Fetch, "append a request `Origin` header").
    fn origin(&self) -> String {
        match self.headers.get(header::REFERRER_POLICY).map(header::HeaderValue::as_bytes) {
            Some(b"no-referrer") => "null".to_owned(),
            _ => origin(&self.url),
        }
    }

    /// The form whose button has this text, with what it is prefilled with.
    ///
    /// # Errors
    /// When the page has none.
    pub fn form(&self, button: &str) -> anyhow::Result<Form> {
        let html = Html::parse_document(&self.body);
        let (forms, buttons) = (selector("form")?, selector("button")?);
        for form in html.select(&forms) {
            let Some(pressed) = form.select(&buttons).find(|found| words(found).contains(button)) else { continue };
            let method = form.value().attr("method").unwrap_or("get").to_ascii_uppercase();
            let action = pressed.value().attr("formaction").or(form.value().attr("action"));
            let action = self.url.join(action.unwrap_or_default())?;
            let mut fields = prefilled(&form)?;
            if let (Some(name), value) = (pressed.value().attr("name"), pressed.value().attr("value")) {
                fields.push((name.to_owned(), value.unwrap_or_default().to_owned()));
            }
            return Ok(Form { method: method.parse()?, action, origin: self.origin(), fields });
        }
        bail!("{} has no form with the button {button:?}: {}", self.url.path(), self.text())
    }
}

fn selector(text: &str) -> anyhow::Result<Selector> {
    Selector::parse(text).map_err(|error| anyhow::anyhow!("{error}"))
}

fn words(element: &ElementRef<'_>) -> String {
    element.text().flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// What a browser sends when nobody touches the form.
fn prefilled(form: &ElementRef<'_>) -> anyhow::Result<Vec<(String, String)>> {
    let mut fields = Vec::new();
    for control in form.select(&selector("input[name], select[name], textarea[name]")?) {
        let (element, name) = (control.value(), control.value().attr("name").unwrap_or_default().to_owned());
        let value = element.attr("value").unwrap_or_default().to_owned();
        match (element.name(), element.attr("type").unwrap_or("text")) {
            ("input", "checkbox" | "radio") if element.attr("checked").is_none() => {}
            ("input", "submit" | "button") => {}
            ("select", _) => {
                let chosen = control.select(&selector("option[selected]")?).next();
                let first = control.select(&selector("option")?).next();
                let option = chosen.or(first).and_then(|option| option.value().attr("value"));
                fields.push((name, option.unwrap_or_default().to_owned()));
            }
            ("textarea", _) => fields.push((name, control.text().collect())),
            _ => fields.push((name, value)),
        }
    }
    Ok(fields)
}

impl Form {
    /// Fills in a field, or ticks a box by its value.
    #[must_use]
    pub fn fill(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(field, _)| field == name) {
            Some((_, existing)) => value.clone_into(existing),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Leaves a field out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(field, _)| field != name);
        self
    }

    /// Adds a field once more.
    #[must_use]
    pub fn add(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What a field holds.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}
