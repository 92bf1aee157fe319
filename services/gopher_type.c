#include <config.h>

#include "gopher_type.h"

#include <string.h>
#include <strings.h>

char gopher_type_by_name(const char *name)
{
    static const struct {
        char type;
        const char *extensions[12];
    } types[] = {
        {'4', {"hqx"}},
        {'5', {"arc", "arj", "lha", "lzh", "rar", "zip", "zoo"}},
        {'6', {"uu", "uue"}},
        {'9', {"7z", "bin", "bz2", "exe", "gz", "iso", "o", "tar", "tgz", "xz", "zst"}},
        {';', {"avi", "mkv", "mov", "mp4", "mpeg", "mpg", "ogv", "webm"}},
        {'d', {"doc", "docx", "odt", "pdf", "ps", "rtf"}},
        {'g', {"gif"}},
        {'h', {"htm", "html", "xhtml"}},
        {'I', {"bmp", "ico", "jpeg", "jpg", "png", "svg", "tif", "tiff", "webp", "xbm"}},
        {'s', {"aac", "aiff", "au", "flac", "m4a", "mid", "mp3", "oga", "ogg", "opus", "wav"}},
    };
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof types[0]; i++)
        for (size_t j = 0; j < 12 && types[i].extensions[j] != NULL; j++)
            if (strcasecmp(dot + 1, types[i].extensions[j]) == 0)
                return types[i].type;
    return '\0';
}

char gopher_type_by_content(const char *start, size_t length)
{
    for (size_t i = 0; i < length && i < GOPHER_SNIFF; i++) {
        unsigned char c = (unsigned char)start[i];
        /* What text may have of control characters: \b \t \n \v \f \r, and escape. */
        if (c < ' ' && (c < '\b' || c > '\r') && c != 27)
            return '9';
    }
    return '0';
}

bool gopher_type_is_text(char type)
{
    return type == '0' || type == '4' || type == '6';
}
