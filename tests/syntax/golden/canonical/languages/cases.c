const char *word(int number) {
    const char *text = "many";
    switch (number) {
    case 0:
        text = "none";
    case 1:
        return "one";
    case 2: {
        say(text);
        return "two";
    }
    default:
        say(text);
    }
    return text;
}
