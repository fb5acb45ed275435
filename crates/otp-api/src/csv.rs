//! Lines of CSV (RFC 4180) that a spreadsheet takes for text: what could be a formula is not one.

/// One line with its end; every field is quoted.
pub(crate) fn line(fields: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let fields: Vec<String> = fields.into_iter().map(|field| quoted(field.as_ref())).collect();
    format!("{}\r\n", fields.join(","))
}

fn quoted(field: &str) -> String {
    let guard = if is_formula(field) { "'" } else { "" };
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}

/// A phone number begins with a plus and is none.
fn is_formula(field: &str) -> bool {
    match field.as_bytes() {
        [b'=' | b'@' | b'\t' | b'\r', ..] => true,
        [b'+' | b'-', rest @ ..] => !rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stay_fields_whatever_they_hold() {
        assert_eq!(line(["a", "b;c,d", "say \"x\"", ""]), "\"a\",\"b;c,d\",\"say \"\"x\"\"\",\"\"\r\n");
    }

    #[test]
    fn a_formula_becomes_text_and_a_phone_number_stays() {
        for formula in ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1"] {
            assert_eq!(line([formula]), format!("\"'{formula}\"\r\n"));
        }
        for text in ["+491701234567", "-7", "alice", "1=1"] {
            assert_eq!(line([text]), format!("\"{text}\"\r\n"));
        }
    }
}
