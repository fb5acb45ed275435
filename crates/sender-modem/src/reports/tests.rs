//! Reports find their SMS, once, and nothing that comes does harm.

use std::fs;

use jiff::Timestamp;
use mtan_jobs::SystemClock;
use tempfile::TempDir;

use super::matching::report;
use super::*;

const NUMBER: &str = "+491701234567";

struct Office {
    reports: Reports,
    folder: TempDir,
}

fn office() -> Office {
    let folder = TempDir::new().unwrap();
    Office { reports: Reports::new(folder.path(), Arc::new(SystemClock)), folder }
}

impl Office {
    fn expect(&self, job: &str, sim: &str, references: &[u8]) {
        let (job_id, to) = (job.parse().unwrap(), PhoneNumber::parse(NUMBER).unwrap());
        let ticket = Ticket::new([7; 16]);
        let taken = Taken { job_id: &job_id, ticket: &ticket, to: &to, references };
        self.reports.expect(&Sim::new(sim), &taken);
    }

    fn hear(&self, sim: &str, reference: u8, to: &str, code: u8) {
        self.reports.heard(&Sim::new(sim), &report(reference, to, code));
    }

    /// Jobs and whether they were delivered, of what is to be told.
    fn news(&self) -> Vec<(String, bool)> {
        self.reports.with(|book| book.awaiting.untold()).iter().map(of).collect()
    }

    fn restart(self) -> Office {
        let Office { reports, folder } = self;
        drop(reports);
        Office { reports: Reports::new(folder.path(), Arc::new(SystemClock)), folder }
    }

    fn file(&self) -> String {
        fs::read_to_string(self.folder.path().join("delivery-reports.jsonl")).unwrap()
    }
}

fn of(news: &News) -> (String, bool) {
    (news.job_id.to_string(), news.delivered)
}

#[test]
fn a_report_finds_its_sms_in_every_form_of_the_number() {
    for form in [NUMBER, "491701234567", "00491701234567", "01701234567", "1701234567"] {
        let office = office();
        office.expect("one", "a", &[5]);
        office.hear("a", 5, form, 0);
        assert_eq!(office.news(), [("one".to_owned(), true)], "{form}");
    }
}

#[test]
fn a_report_of_another_sim_reference_or_number_is_for_nobody() {
    let office = office();
    office.expect("one", "a", &[5]);
    office.hear("b", 5, NUMBER, 0);
    office.hear("a", 6, NUMBER, 0);
    office.hear("a", 5, "+491701230000", 0);
    assert_eq!(office.news(), []);
}

#[test]
fn all_parts_make_a_delivery_and_one_failure_is_enough() {
    let office = office();
    office.expect("whole", "a", &[255, 0, 1]);
    office.expect("broken", "a", &[2, 3]);
    for reference in [0, 255, 0] {
        office.hear("a", reference, NUMBER, 0);
    }
    assert_eq!(office.news(), [], "the third part is missing");
    office.hear("a", 1, NUMBER, 0);
    office.hear("a", 3, NUMBER, 0x46);
    office.hear("a", 2, NUMBER, 0);
    assert_eq!(office.news(), [("whole".to_owned(), true), ("broken".to_owned(), false)]);
}

#[test]
fn a_state_that_is_not_the_last_one_changes_nothing_and_neither_does_a_second_report() {
    let office = office();
    office.expect("one", "a", &[5]);
    office.hear("a", 5, NUMBER, 0x30);
    assert_eq!(office.news(), []);
    office.hear("a", 5, NUMBER, 0);
    office.hear("a", 5, NUMBER, 0x46);
    assert_eq!(office.news(), [("one".to_owned(), true)]);
    let news = office.reports.with(|book| book.awaiting.untold()).remove(0);
    office.reports.told(&news);
    office.hear("a", 5, NUMBER, 0);
    assert_eq!(office.news(), []);
}

#[test]
fn a_reference_that_has_come_round_means_the_newest_sms() {
    let office = office();
    office.expect("old", "a", &[5]);
    office.expect("new", "a", &[5]);
    office.hear("a", 5, NUMBER, 0);
    assert_eq!(office.news(), [("new".to_owned(), true)]);
}

#[test]
fn what_is_awaited_outlives_a_restart_without_a_whole_number() {
    let office = office();
    office.expect("one", "262011234567890", &[5, 6]);
    office.expect("two", "262011234567890", &[7]);
    office.hear("262011234567890", 5, NUMBER, 0);
    office.hear("262011234567890", 7, NUMBER, 0x46);
    let file = office.file();
    assert!(!file.contains("1701234567") && !file.contains("234567") && !file.contains("262011"), "{file}");
    let office = office.restart();
    assert_eq!(office.news(), [("two".to_owned(), false)], "it was not told");
    office.hear("262011234567890", 6, NUMBER, 0);
    assert_eq!(office.news(), [("one".to_owned(), true), ("two".to_owned(), false)]);
}

#[test]
fn a_line_that_a_crash_has_cut_harms_no_other() {
    let office = office();
    office.expect("one", "a", &[5]);
    let path = office.folder.path().join("delivery-reports.jsonl");
    fs::write(&path, office.file() + "{\"id\":1,\"sm").unwrap();
    let office = office.restart();
    office.expect("two", "a", &[6]);
    let office = office.restart();
    office.hear("a", 5, NUMBER, 0);
    office.hear("a", 6, NUMBER, 0);
    assert_eq!(office.news().len(), 2);
}

#[test]
fn after_48_hours_a_report_is_for_nobody() {
    struct At(Mutex<i64>);
    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(*self.0.lock().unwrap()).unwrap()
        }
    }
    let folder = TempDir::new().unwrap();
    let clock = Arc::new(At(Mutex::new(1_764_000_000)));
    let office = Office { reports: Reports::new(folder.path(), clock.clone()), folder };
    office.expect("one", "a", &[5]);
    *clock.0.lock().unwrap() += 48 * 60 * 60 + 1;
    office.hear("a", 5, NUMBER, 0);
    assert_eq!(office.news(), []);
}

#[test]
fn the_file_does_not_grow_with_what_is_done() {
    let office = office();
    for round in 0..1500 {
        office.expect(&format!("job-{round}"), "a", &[5]);
        office.hear("a", 5, NUMBER, 0);
        let news = office.reports.with(|book| book.awaiting.untold()).remove(0);
        office.reports.told(&news);
    }
    assert!(office.file().lines().count() <= 1001, "{}", office.file().lines().count());
}

#[test]
fn without_a_folder_reports_are_matched_all_the_same() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let office = Office { reports: Reports::new(&file.join("state"), Arc::new(SystemClock)), folder };
    office.expect("one", "a", &[5]);
    office.hear("a", 5, NUMBER, 0);
    assert_eq!(office.news(), [("one".to_owned(), true)]);
}

#[test]
fn a_report_without_a_number_counts_if_one_sms_alone_fits() {
    let office = office();
    let bare = |reference| super::Report { recipient: None, ..report(reference, NUMBER, 0) };
    office.expect("one", "a", &[5]);
    office.expect("two", "a", &[6]);
    office.expect("three", "a", &[6]);
    office.reports.heard(&Sim::new("a"), &bare(6));
    assert_eq!(office.news(), [], "one of two, and nobody knows which");
    office.reports.heard(&Sim::new("b"), &bare(5));
    assert_eq!(office.news(), []);
    office.reports.heard(&Sim::new("a"), &bare(5));
    assert_eq!(office.news(), [("one".to_owned(), true)]);
}

#[tokio::test]
async fn two_pools_of_one_folder_keep_their_reports_apart() {
    let folder = TempDir::new().unwrap();
    let of_pool = |name: &str| {
        let reports = Arc::new(Reports::new(folder.path(), Arc::new(SystemClock)));
        reports.start(&name.parse().unwrap(), None);
        reports
    };
    let (sticks, backup) = (of_pool("default"), of_pool("backup"));
    for (reports, job) in [(&sticks, "one"), (&backup, "two")] {
        let (job_id, to) = (job.parse().unwrap(), PhoneNumber::parse(NUMBER).unwrap());
        let ticket = Ticket::new([7; 16]);
        reports
            .expect(&Sim::new("a"), &Taken { job_id: &job_id, ticket: &ticket, to: &to, references: &[5] });
    }
    drop((sticks, backup));
    for (name, job) in [("default", "one"), ("backup", "two")] {
        let reports = of_pool(name);
        reports.heard(&Sim::new("a"), &report(5, NUMBER, 0));
        let news = reports.with(|book| book.awaiting.untold());
        assert_eq!(news.iter().map(of).collect::<Vec<_>>(), [(job.to_owned(), true)]);
    }
}
