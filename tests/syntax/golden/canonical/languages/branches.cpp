std::string grade(int score, const int& bonus) {
    if (score < 0) return "none";
    if (score + bonus > 90) {
        return "best";
    } else if (score > 50) {
        return "good";
    } else report(score);
    return "fair";
}
