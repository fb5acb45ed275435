//! A story that is told of both forms of the house, once.

/// Each story as two tests: `embedded::…` and `distributed::…`.
macro_rules! told_of_both {
    ($($story:ident: $plan:expr),+ $(,)?) => {
        mod embedded {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                super::$story(House::all_in_one($plan).await).await;
            })+
        }
        mod distributed {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                super::$story(House::distributed($plan).await).await;
            })+
        }
    };
}
