//! What a request says before it is taken for anything: JSON documents, forms and queries become the same tree.
//!
//! Raw input types decode from the tree. So a component holds the code for each of them once and not once for each encoding;
//! and since callers are told only *that* a body does not fit, no code that words a reason (half of it for floating-point
//! numbers) is linked. Together that is 40 to 105 kB a component.

use std::fmt;

use form_urlencoded::parse;
use serde::{
    Deserialize, Deserializer,
    de::{
        self, IntoDeserializer, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

/// A value as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    /// `null`.
    Nothing,
    /// `true` or `false`.
    Flag(bool),
    /// A whole number that is not negative.
    Natural(u64),
    /// A whole number that is.
    Negative(i64),
    /// Any other number.
    Fraction(f64),
    /// A text in a JSON document.
    Text(String),
    /// What was entered into a form's field. It can be meant as a number, a tick, or one of several.
    Entry(String),
    /// A list, or a form's field that was sent several times.
    List(Vec<Self>),
    /// Names with values, in their order. A name may stand there twice, which is a fault wherever it is decoded.
    Fields(Vec<(String, Self)>),
}

impl Tree {
    /// A form or a query (`application/x-www-form-urlencoded`).
    pub(crate) fn of_form(text: &str) -> Self {
        let mut fields: Vec<(String, Self)> = Vec::new();
        for (name, value) in parse(text.as_bytes()) {
            put(&mut fields, &name, Self::Entry(value.into_owned()));
        }
        Self::Fields(fields)
    }

    /// A form whose names say where a value stands in the document: `shipping.city` in an object, `tokens.0.serial` in a list
    /// of objects.
    pub(crate) fn of_nested_form(text: &str) -> Self {
        let mut fields: Vec<(String, Self)> = Vec::new();
        for (name, value) in parse(text.as_bytes()) {
            nest(&mut fields, &name, Self::Entry(value.into_owned()), NESTED_MAX);
        }
        Self::Fields(fields.into_iter().map(|(name, value)| (name, value.listed())).collect())
    }

    /// The same, where fields that are numbered from 0 are a list.
    fn listed(self) -> Self {
        let Self::Fields(fields) = self else { return self };
        let numbered = fields.iter().enumerate().all(|(place, (name, _))| *name == place.to_string());
        let (names, values): (Vec<String>, Vec<Self>) =
            fields.into_iter().map(|(name, value)| (name, value.listed())).unzip();
        if numbered { Self::List(values) } else { Self::Fields(names.into_iter().zip(values).collect()) }
    }
}

/// How many objects deep a form's fields can stand.
const NESTED_MAX: u8 = 3;

/// A field that is sent several times becomes a list.
fn put(fields: &mut Vec<(String, Tree)>, name: &str, entry: Tree) {
    match fields.iter_mut().find(|(known, _)| known == name) {
        Some((_, Tree::List(entries))) => entries.push(entry),
        Some((_, first)) => {
            let earlier = std::mem::replace(first, Tree::Nothing);
            *first = Tree::List(vec![earlier, entry]);
        }
        None => fields.push((name.to_owned(), entry)),
    }
}

/// What cannot be nested keeps its whole name, which no raw type knows.
fn nest(fields: &mut Vec<(String, Tree)>, name: &str, entry: Tree, deep: u8) {
    let Some((outer, rest)) = name.split_once('.').filter(|_| deep > 0) else {
        return put(fields, name, entry);
    };
    if fields.iter().all(|(known, _)| known != outer) {
        fields.push((outer.to_owned(), Tree::Fields(Vec::new())));
    }
    match fields.iter_mut().find(|(known, _)| known == outer) {
        Some((_, Tree::Fields(inner))) => nest(inner, rest, entry, deep.saturating_sub(1)),
        _ => put(fields, name, entry),
    }
}

/// It does not fit. Which field, and why, nobody is told: what people can mend is found when values are parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unfit;

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it does not fit")
    }
}

impl std::error::Error for Unfit {}

impl de::Error for Unfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Growing)
    }
}

struct Growing;

impl<'de> Visitor<'de> for Growing {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Nothing)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Tree, E> {
        Ok(Tree::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Natural(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Negative(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Tree, E> {
        Ok(Tree::Fraction(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut elements: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut fields = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            fields.push(entry);
        }
        Ok(Tree::Fields(fields))
    }
}

impl IntoDeserializer<'_, Unfit> for Tree {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Tree {
    type Error = Unfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        match self {
            Self::Nothing => visitor.visit_unit(),
            Self::Flag(flag) => visitor.visit_bool(flag),
            Self::Natural(number) => visitor.visit_u64(number),
            Self::Negative(number) => visitor.visit_i64(number),
            Self::Fraction(number) => visitor.visit_f64(number),
            Self::Text(text) | Self::Entry(text) => visitor.visit_string(text),
            Self::List(list) => visitor.visit_seq(SeqDeserializer::new(list.into_iter())),
            Self::Fields(fields) => visitor.visit_map(MapDeserializer::new(fields.into_iter())),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        match self {
            Self::Flag(flag) => visitor.visit_bool(flag),
            Self::Entry(text) if text == "on" => visitor.visit_bool(true),
            Self::Entry(text) => visitor.visit_bool(text.parse().map_err(|_| Unfit)?),
            _ => Err(Unfit),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        match self {
            Self::Natural(number) => visitor.visit_u64(number),
            Self::Entry(text) => visitor.visit_u64(text.parse().map_err(|_| Unfit)?),
            _ => Err(Unfit),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        match self {
            Self::Nothing => visitor.visit_none(),
            given => visitor.visit_some(given),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        match self {
            Self::List(list) => visitor.visit_seq(SeqDeserializer::new(list.into_iter())),
            Self::Entry(_) => visitor.visit_seq(SeqDeserializer::new(std::iter::once(self))),
            _ => Err(Unfit),
        }
    }

    /// By names only: serde would take a list for an object as well.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        match self {
            Self::Fields(fields) => visitor.visit_map(MapDeserializer::new(fields.into_iter())),
            _ => Err(Unfit),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        match self {
            Self::Text(name) | Self::Entry(name) => visitor.visit_enum(name.into_deserializer()),
            _ => Err(Unfit),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct map identifier
        ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Colour {
        DarkRed,
        Blue,
    }

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Raw {
        name: String,
        #[serde(default)]
        note: Option<String>,
        #[serde(default)]
        units: u32,
        #[serde(default)]
        gift: bool,
        #[serde(default)]
        tags: Vec<String>,
        #[serde(default)]
        colour: Option<Colour>,
    }

    fn json(text: &str) -> Result<Raw, Unfit> {
        Raw::deserialize(serde_json::from_str::<Tree>(text).map_err(|_| Unfit)?)
    }

    fn form(text: &str) -> Result<Raw, Unfit> {
        Raw::deserialize(Tree::of_form(text))
    }

    #[test]
    fn a_form_and_a_document_say_the_same() {
        let document =
            r#"{"name": "Ada", "note": "a & b", "units": 3, "gift": true, "tags": ["x", "y"], "colour": "dark-red"}"#;
        let typed = "name=Ada&note=a+%26+b&units=3&gift=on&tags=x&tags=y&colour=dark-red";
        let said = json(document).expect("it fits");
        assert_eq!(form(typed), Ok(said));
        assert_eq!(form("name=Ada"), json(r#"{"name": "Ada"}"#));
        assert_eq!(form("name=Ada&tags=x"), json(r#"{"name": "Ada", "tags": ["x"]}"#));
        assert_eq!(form("name=Ada&note="), json(r#"{"name": "Ada", "note": ""}"#));
        assert_eq!(json(r#"{"name": "Ada", "note": null}"#), json(r#"{"name": "Ada"}"#));
    }

    #[test]
    fn what_is_unknown_repeated_missing_or_of_another_type_does_not_fit() {
        for text in [
            r#"{"name": "Ada", "other": 1}"#,
            r#"{"name": "Ada", "name": "Bea"}"#,
            "{}",
            r#"{"name": 1}"#,
            r#"{"name": null}"#,
            r#"{"name": ["Ada"]}"#,
            r#"{"name": "Ada", "units": -1}"#,
            r#"{"name": "Ada", "units": 4294967296}"#,
            r#"{"name": "Ada", "units": 1.5}"#,
            r#"{"name": "Ada", "units": "1"}"#,
            r#"{"name": "Ada", "gift": "on"}"#,
            r#"{"name": "Ada", "tags": "x"}"#,
            r#"{"name": "Ada", "tags": [1]}"#,
            r#"{"name": "Ada", "colour": "green"}"#,
            r#"{"name": "Ada", "colour": {"blue": null}}"#,
            r#"["Ada", null, 1, true, [], null]"#,
            r#""Ada""#,
        ] {
            assert_eq!(json(text), Err(Unfit), "{text}");
        }
        for text in
            ["", "name=Ada&other=1", "name=Ada&name=Bea", "name=Ada&units=x", "name=Ada&units=", "name=Ada&gift=maybe"]
        {
            assert_eq!(form(text), Err(Unfit), "{text}");
        }
    }
}
