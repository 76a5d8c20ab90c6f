// Dining philosophers, asymmetric, as in phils.pml: take, take, release left, release right.
// Of each: whether the forks are taken, and where the philosophers are. Usage: phils N
use stateright::{Checker, Model, Property};

struct Phils {
    n: usize,
}

impl Phils {
    fn first(&self, i: usize) -> usize {
        if i == 0 { 1 % self.n } else { i }
    }

    fn second(&self, i: usize) -> usize {
        if i == 0 { 0 } else { (i + 1) % self.n }
    }
}

impl Model for Phils {
    type State = (Vec<bool>, Vec<u8>);
    type Action = usize;

    fn init_states(&self) -> Vec<Self::State> {
        vec![(vec![false; self.n], vec![0; self.n])]
    }

    fn actions(&self, (fork, at): &Self::State, actions: &mut Vec<usize>) {
        actions.extend((0..self.n).filter(|&i| match at[i] {
            0 => !fork[self.first(i)],
            1 => !fork[self.second(i)],
            _ => true,
        }));
    }

    fn next_state(&self, (fork, at): &Self::State, i: usize) -> Option<Self::State> {
        let (mut fork, mut at) = (fork.clone(), at.clone());
        match at[i] {
            0 => fork[self.first(i)] = true,
            1 => fork[self.second(i)] = true,
            2 => fork[i] = false,
            _ => fork[(i + 1) % self.n] = false,
        }
        at[i] = (at[i] + 1) % 4;
        Some((fork, at))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        // Deadlock is no property by itself: somebody can always step.
        vec![Property::always("no deadlock", |model: &Self, state: &Self::State| {
            let mut actions = Vec::new();
            model.actions(state, &mut actions);
            !actions.is_empty()
        })]
    }
}

fn main() {
    let n = std::env::args().nth(1).map_or(10, |text| text.parse().expect("a number"));
    let checker = Phils { n }.checker().spawn_bfs().join();
    checker.assert_properties();
    println!("{} states", checker.unique_state_count());
}
