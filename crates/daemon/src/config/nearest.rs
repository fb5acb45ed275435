//! "Did you mean": the known name nearest to one that is not known.

/// `; did you mean X?`, or nothing when no name is near.
pub(super) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |near| format!("; did you mean {near}?"))
}

/// The known name with the fewest typing slips, if these are at most a third of the letters. Case does not count.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let slips = |candidate: &str| strsim::osa_distance(&name, &candidate.to_lowercase());
    known
        .into_iter()
        .map(|candidate| (slips(candidate), candidate))
        .filter(|(slips, candidate)| *slips <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_or_another_case_is_recognised_and_a_stranger_is_not() {
        let known = ["SMSProvider", "SMSProviderConfig", "SMSProviderTimeout"];
        assert_eq!(nearest("smsprovider", known), Some("SMSProvider"));
        assert_eq!(nearest("SMSProviderTimout", known), Some("SMSProviderTimeout"));
        assert_eq!(nearest("SMSPorviderConfig", known), Some("SMSProviderConfig"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(hint("colour", known), "");
    }
}
