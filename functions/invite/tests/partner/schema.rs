//! As much of JSON Schema 2020-12 as the description uses. A keyword that is not known here fails: nothing is passed over
//! in silence. Formats and patterns are annotations here.

use serde_json::Value;

const ANNOTATIONS: [&str; 4] = ["description", "default", "format", "pattern"];

/// Every way in which `value` is not as the schema has it; `root` is what references start from.
pub(crate) fn faults(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let object = schema.as_object().unwrap_or_else(|| panic!("{schema} is no schema"));
    let mut found = Vec::new();
    for (keyword, expected) in object {
        let holds = match keyword.as_str() {
            "$ref" => {
                found.extend(faults(root, resolved(root, schema), value));
                true
            }
            "allOf" => {
                found.extend(parts(expected).iter().flat_map(|part| faults(root, part, value)));
                true
            }
            "anyOf" => parts(expected).iter().any(|part| faults(root, part, value).is_empty()),
            "oneOf" => parts(expected).iter().filter(|part| faults(root, part, value).is_empty()).count() == 1,
            "properties" => {
                found.extend(properties(root, expected, value));
                true
            }
            "items" => {
                let items = value.as_array().into_iter().flatten();
                found.extend(items.flat_map(|item| faults(root, expected, item)));
                true
            }
            "additionalProperties" => {
                assert_eq!(expected, &Value::Bool(false));
                let known = object.get("properties");
                let mut names = value.as_object().into_iter().flat_map(serde_json::Map::keys);
                names.all(|name| known.is_some_and(|known| known.get(name).is_some()))
            }
            other => ANNOTATIONS.contains(&other) || simple(other, expected, value),
        };
        if !holds {
            found.push(format!("{keyword} {expected}: {value}"));
        }
    }
    found
}

/// What a request was answered.
pub(crate) struct Told<'a> {
    pub(crate) status: u16,
    pub(crate) headers: &'a [(&'static str, String)],
    pub(crate) text: &'a str,
}

/// Fails where the status, the content type, the headers or the document is not what `root` has for the operation; `line` is
/// the schema of a document of many lines. `about` tells which request it was.
pub(crate) fn holds(root: &Value, operation: &Value, line: &Value, told: &Told, about: &str) {
    let header = |name: &str| told.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
    let described = operation.pointer("/responses").and_then(|all| all.get(told.status.to_string()));
    let described = resolved(root, described.unwrap_or_else(|| panic!("not described: {about}")));
    let media = header("content-type").unwrap_or_default();
    let content = described.pointer("/content").and_then(|all| all.get(media));
    let schema =
        content.unwrap_or_else(|| panic!("{media} is not described: {about}")).get("schema").expect("a schema");
    let document = |text: &str| serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {about}"));
    let (schema, documents) = match media {
        "application/x-ndjson" => (line, told.text.lines().map(document).collect()),
        "text/csv; charset=utf-8" => (schema, vec![Value::String(told.text.to_owned())]),
        _ => (schema, vec![document(told.text)]),
    };
    for document in documents {
        assert_eq!(faults(root, schema, &document), Vec::<String>::new(), "{about}");
    }
    let headers = described.get("headers").and_then(Value::as_object).into_iter().flatten();
    let required = |header: &Value| resolved(root, header).get("required") == Some(&Value::Bool(true));
    for (name, _) in headers.filter(|(_, header)| required(header)) {
        assert!(header(&name.to_lowercase()).is_some(), "{name} is missing: {about}");
    }
}

/// The schema that a reference leads to, or the schema itself.
pub(crate) fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    match schema.get("$ref").and_then(Value::as_str) {
        None => schema,
        Some(reference) => {
            let pointer = reference.strip_prefix('#').expect("a reference within the document");
            root.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
        }
    }
}

fn parts(value: &Value) -> &[Value] {
    value.as_array().expect("a list of schemas")
}

fn properties(root: &Value, expected: &Value, value: &Value) -> Vec<String> {
    let named = expected.as_object().expect("schemas by name").iter();
    let present = named.filter_map(|(name, schema)| Some((name, schema, value.get(name)?)));
    let faults_of = |(name, schema, value)| {
        faults(root, schema, value).into_iter().map(move |fault| format!("{name}: {fault}")).collect::<Vec<_>>()
    };
    present.flat_map(faults_of).collect()
}

/// Keywords that look at nothing but the value. Those of other types than the value's hold.
fn simple(keyword: &str, expected: &Value, value: &Value) -> bool {
    let number = value.as_i64().zip(expected.as_i64());
    let length = value.as_str().map(|text| text.chars().count()).zip(expected.as_u64());
    let count = value.as_array().map(Vec::len).zip(expected.as_u64());
    let at_most = |pair: Option<(usize, u64)>| pair.is_none_or(|(found, most)| found as u64 <= most);
    match keyword {
        "const" => value == expected,
        "enum" => parts(expected).contains(value),
        "type" => match expected.as_array() {
            Some(types) => types.iter().any(|kind| is(kind, value)),
            None => is(expected, value),
        },
        "required" => {
            let names = parts(expected).iter().filter_map(Value::as_str);
            !value.is_object() || names.into_iter().all(|name| value.get(name).is_some())
        }
        "minimum" => number.is_none_or(|(found, least)| found >= least),
        "maximum" => number.is_none_or(|(found, most)| found <= most),
        "minLength" => length.is_none_or(|(found, least)| found as u64 >= least),
        "maxLength" => at_most(length),
        "maxItems" => at_most(count),
        other => panic!("the keyword {other} is not known here"),
    }
}

fn is(kind: &Value, value: &Value) -> bool {
    match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        other => panic!("the type {other:?} is not known here"),
    }
}
