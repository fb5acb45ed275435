//! Metrics in Prometheus text.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// The buckets of every histogram whose name ends in `_seconds`: from a Redis round trip to a slow gateway.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// Samples of histograms are kept one by one until somebody counts them into their buckets: this often.
const UPKEEP: Duration = Duration::from_secs(5);

/// The metrics of this process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    recorder: PrometheusHandle,
}

impl Metrics {
    /// All metrics in the Prometheus text format.
    pub fn render(&self) -> String {
        self.recorder.render()
    }
}

/// Starts counting, and sets `mtan_build_info{version,process}`. Called within a tokio runtime it also keeps the memory of
/// histograms small, whether somebody reads the metrics or not. Later calls give the same metrics.
///
/// # Panics
/// If the process has a metrics recorder that is not ours.
pub fn init_metrics() -> Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS.get_or_init(start).clone()
}

fn start() -> Metrics {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .expect("there are buckets");
    let recorder = builder.install_recorder().expect("a process has one metrics recorder");
    metrics::describe_gauge!(
        "mtan_build_info",
        "Always 1; the labels say which process this is, and which version."
    );
    metrics::gauge!("mtan_build_info", "version" => env!("CARGO_PKG_VERSION"), "process" => process())
        .set(1.0);
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        let recorder = recorder.clone();
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(UPKEEP).await;
                recorder.run_upkeep();
            }
        });
    }
    Metrics { recorder }
}

/// The name under which this process was started, as in `mtan-otp-api`.
pub(crate) fn process() -> String {
    let program = std::env::args_os().next().unwrap_or_default();
    let name = std::path::Path::new(&program).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
