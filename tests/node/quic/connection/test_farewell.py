"""Last words are repeated ever more rarely."""

from node.quic.connection.farewell import Farewell


def test_last_words_answer_the_first_second_fourth_and_so_on_of_what_still_comes():
    words = [(b"close", ("192.0.2.1", 1))]
    farewell = Farewell(words)
    answers = [farewell.again() for _ in range(1024)]
    assert [number for number, answer in enumerate(answers, 1) if answer] == [2**power for power in range(11)]
    assert all(answer == words for answer in answers if answer)
